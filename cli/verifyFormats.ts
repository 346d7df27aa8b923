/** Verdicts for other tools: SARIF 2.1.0 (code scanning), JUnit XML (CI test views), GitHub workflow annotations. */
import { packageVersion } from '../runtime/host/resources';
import type { FileVerdicts } from '../runtime/host/verifyFiles';
import type { ProgramReport, SourceSpan } from '../runtime/ide/verdictReport';
import { sameVerdicts } from './verifyText';

const kernelsOf = (group: readonly ProgramReport[]): string =>
  group.map((program) => program.kernel).join(', ');

const textOf = (group: readonly ProgramReport[]): string => {
  const [program] = group;
  const reason = program.diagnostic?.reason;
  const what = program.verdict === 'unknown' ? `cannot be judged: ${program.message}` : program.message;
  return `${what} (${program.name} on ${kernelsOf(group)})${reason ? `. ${reason}` : ''}`;
};

const codeOf = (program: ProgramReport): string =>
  program.diagnostic?.code ?? program.problem?.code ?? `verdict-${program.verdict}`;

export function sarifText(results: readonly FileVerdicts[]): unknown {
  const rules = new Map<string, { id: string; shortDescription?: { text: string } }>();
  const found: unknown[] = [];
  const location = (file: string, source?: SourceSpan, message?: string): unknown => ({
    physicalLocation: {
      artifactLocation: { uri: uriOf(source?.file ?? file) },
      ...(source && source.line > 0
        ? {
            region: {
              startLine: source.line,
              startColumn: Math.max(1, source.column),
              endColumn: Math.max(source.endColumn, source.column, 1),
            },
          }
        : {}),
    },
    ...(message === undefined ? {} : { message: { text: message } }),
  });
  for (const result of results) {
    if (result.problem) {
      const { problem } = result;
      rules.set(problem.code, { id: problem.code });
      const place = problem.place?.line
        ? {
            file: problem.place.file,
            line: problem.place.line,
            column: problem.place.column ?? 1,
            endColumn: 0,
            text: '',
          }
        : undefined;
      found.push({
        ruleId: problem.code,
        level: 'error',
        message: { text: problem.message },
        locations: [location(result.file, place)],
      });
    }
    for (const group of sameVerdicts(result.programs)) {
      const [program] = group;
      if (program.verdict === 'accepted') continue;
      const code = codeOf(program);
      rules.set(code, {
        id: code,
        ...(program.diagnostic ? { shortDescription: { text: program.diagnostic.category } } : {}),
      });
      const steps = program.diagnostic?.causalPath.filter((step) => step.source) ?? [];
      found.push({
        ruleId: code,
        level: program.verdict === 'unknown' ? 'note' : 'error',
        message: { text: textOf(group) },
        locations: [location(result.file, program.source)],
        ...(steps.length > 0
          ? { relatedLocations: steps.map((step) => location(result.file, step.source, step.text)) }
          : {}),
      });
    }
  }
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'BPF Studio', version: packageVersion(), rules: [...rules.values()] } },
        columnKind: 'utf16CodeUnits',
        results: found,
      },
    ],
  };
}

const uriOf = (file: string): string =>
  file
    .split(/[\\/]/)
    .map((part) => encodeURIComponent(part))
    .join('/');

export function junitText(results: readonly FileVerdicts[]): string {
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites name="bpf-studio verify">'];
  for (const result of results) {
    const failures = result.programs.filter((p) => p.verdict === 'rejected').length;
    const skipped = result.programs.filter((p) => p.verdict === 'unknown').length;
    const errors = result.programs.filter((p) => p.verdict === 'error').length + (result.problem ? 1 : 0);
    const tests = result.programs.length + (result.problem ? 1 : 0);
    lines.push(
      `  <testsuite name="${xml(result.file)}" tests="${tests}" failures="${failures}" errors="${errors}" skipped="${skipped}">`,
    );
    if (result.problem) {
      lines.push(
        `    <testcase classname="${xml(result.file)}" name="${result.programs.length ? 'file' : 'load'}">`,
      );
      lines.push(`      <error message="${xml(result.problem.message)}"/>`, '    </testcase>');
    }
    for (const program of result.programs) {
      const name = xml(`${program.name} on ${program.kernel}`);
      const open = `    <testcase classname="${xml(result.file)}" name="${name}"`;
      if (program.verdict === 'accepted') {
        lines.push(`${open}/>`);
        continue;
      }
      const element = { rejected: 'failure', error: 'error', unknown: 'skipped' }[program.verdict];
      const at = program.source
        ? `${program.source.file}:${program.source.line}:${program.source.column}: `
        : '';
      const body = `${at}${textOf([program])}`;
      lines.push(`${open}>`);
      lines.push(
        element === 'skipped'
          ? `      <skipped message="${xml(program.message)}"/>`
          : `      <${element} type="${xml(codeOf(program))}" message="${xml(program.message)}">${xml(body)}</${element}>`,
      );
      lines.push('    </testcase>');
    }
    lines.push('  </testsuite>');
  }
  return `${[...lines, '</testsuites>'].join('\n')}\n`;
}

const XML_ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** Escaped; characters that XML cannot hold are replaced. */
const xml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => XML_ENTITIES[c]).replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd]/gu, '\ufffd');

export function githubText(results: readonly FileVerdicts[]): string {
  const lines: string[] = [];
  const annotation = (
    level: string,
    file: string,
    title: string,
    text: string,
    source?: SourceSpan,
  ): void => {
    const fields = [`file=${field(source?.file ?? file)}`];
    if (source && source.line > 0) {
      fields.push(`line=${source.line}`, `col=${source.column}`, `endColumn=${source.endColumn}`);
    }
    fields.push(`title=${field(title)}`);
    lines.push(`::${level} ${fields.join(',')}::${data(text)}`);
  };
  for (const result of results) {
    if (result.problem) {
      const place = result.problem.place;
      const source = place?.line
        ? {
            file: place.file,
            line: place.line,
            column: place.column ?? 1,
            endColumn: place.column ?? 1,
            text: '',
          }
        : undefined;
      annotation('error', result.file, result.problem.code, result.problem.message, source);
    }
    for (const group of sameVerdicts(result.programs)) {
      const [program] = group;
      if (program.verdict === 'accepted') continue;
      const level = program.verdict === 'unknown' ? 'notice' : 'error';
      annotation(level, result.file, codeOf(program), textOf(group), program.source);
    }
  }
  return lines.length > 0 ? `${lines.join('\n')}\n` : '';
}

const data = (text: string): string => text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
const field = (text: string): string => data(text).replace(/:/g, '%3A').replace(/,/g, '%2C');
