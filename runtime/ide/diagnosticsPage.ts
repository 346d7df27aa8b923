/**
 * The reference of the verifier's findings (docs/diagnostics.md) as text: one heading per code, with what the refusal
 * means and what to do, made of the rows that explain refusals to users. A test holds the page equal to this; links
 * of diagnostics lead to the heading's line. Details that only a program has are left out (`…`).
 */
import { EXPLANATIONS, type Explanation } from '../verifier/diagnose/explanations';
import { MESSAGE_ROWS } from '../verifier/diagnose/messageCodes';
import { DERIVED_FACTS } from '../verifier/diagnose/sceneFacts';
import { GENERAL } from './explainGeneral';

const INTRODUCTION = `# Findings

Every diagnostic of the verifier has one of these codes. The kernel's own message stands in the diagnostic; this page says what the
refusal means and what helps. Generated from the tables that explain refusals.
`;

/** Codes that are not about one rule. */
const OTHERS: Readonly<Record<string, Explanation>> = {
  'not-modelled': {
    reason:
      'The program uses something that BPF Studio does not model yet. This is no verdict: the kernel may accept or reject the program.',
    suggestion: 'Ask a real kernel, or leave the feature out to see the verdict on the rest.',
  },
  rejected: {
    reason:
      'The kernel refuses the program for a reason that has no page of its own; its message says which.',
    suggestion: '',
  },
};

/** Whether the page has a heading for this code. */
export const hasPage = (code: string): boolean => code in EXPLANATIONS || code in OTHERS;

function meaning(code: string): Explanation {
  const other = OTHERS[code] as Explanation | undefined;
  if (other !== undefined) return other;
  const general = GENERAL[code] as Explanation | undefined;
  if (general !== undefined) return general;
  const { reason, suggestion } = EXPLANATIONS[code]({
    env: { program: { name: '…', lines: [], functions: [] } },
    data: { code, category: 'Policy', errno: 0, message: '', registers: [] },
    insn: -1,
    what: '',
    fact: (name) => (DERIVED_FACTS.has(name) ? '' : '…'),
  });
  return { reason: sentence(reason), suggestion };
}

/** Which register or function it is, only a program tells. */
const sentence = (text: string): string =>
  text
    .replace(/^R0 /, 'A register ')
    .replace(/map '…'/g, 'the map')
    .replace(/^… is called/, 'A function is called');

/** The page's text; the same for the same tables. */
export function diagnosticsPage(): string {
  const category = new Map(MESSAGE_ROWS.map((row) => [row.code, row.category]));
  const codes = [...Object.keys(EXPLANATIONS), ...Object.keys(OTHERS)];
  return [
    INTRODUCTION,
    ...codes.map((code) => {
      const { reason, suggestion } = meaning(code);
      const kind = category.get(code);
      const parts = [`## ${code}\n`];
      if (kind !== undefined) parts.push(`*${kind}*\n`);
      parts.push(`${forMarkdown(reason)}\n`);
      if (suggestion !== '') parts.push(`**Fix:** ${forMarkdown(suggestion)}\n`);
      return parts.join('\n');
    }),
  ].join('\n');
}

/** C as code: names with underscores and stars would turn into emphasis. */
const forMarkdown = (text: string): string =>
  text.replace(
    /SEC\("[^"]*"\)|__\w+\([^)]*\)|struct \w+|&?\w+->\w+|&?\w*_\w+(?:\(\))?|&\w+|[<*]/g,
    (found) => (found.length === 1 ? `\\${found}` : `\`${found}\``),
  );

/** 1-based line of a code's heading in the page; undefined if it has none. */
export function pageLine(page: string, code: string): number | undefined {
  const at = page.split('\n').indexOf(`## ${code}`);
  return at < 0 ? undefined : at + 1;
}
