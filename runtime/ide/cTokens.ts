/**
 * A small C tokenizer for finding the extent of an expression around a place that the compiler's line information
 * names. It is no preprocessor and no parser: comments and white space are dropped, everything else becomes a token
 * with its offset. Malformed text (an open string, a stray byte) never throws: it yields a short token.
 */
export interface CToken {
  readonly kind: 'word' | 'number' | 'text' | 'punctuation';
  readonly text: string;
  /** Offset of the first character in the tokenized text. */
  readonly start: number;
  /** Offset after the last character. */
  readonly end: number;
}

/** Longest first, so that `->` is not read as `-` and `>`. */
const PUNCTUATION = [
  '<<=',
  '>>=',
  '...',
  '->',
  '++',
  '--',
  '<<',
  '>>',
  '<=',
  '>=',
  '==',
  '!=',
  '&&',
  '||',
  '+=',
  '-=',
  '*=',
  '/=',
  '%=',
  '&=',
  '|=',
  '^=',
];

const isWordStart = (c: string): boolean => /[A-Za-z_$]/.test(c);
const isWordPart = (c: string): boolean => /[A-Za-z0-9_$]/.test(c);
const isDigit = (c: string): boolean => c >= '0' && c <= '9';

/** Offset after a quoted literal that begins at `at`; an unterminated one ends with its line. */
function endOfQuoted(text: string, at: number): number {
  const quote = text[at];
  let i = at + 1;
  while (i < text.length && text[i] !== '\n') {
    if (text[i] === '\\') i += 2;
    else if (text[i] === quote) return i + 1;
    else i++;
  }
  return Math.min(i, text.length);
}

/** Offset after the white space, comment or preprocessor line that begins at `at`; `at` itself if there is none. */
function skipBlank(text: string, at: number): number {
  const c = text[at];
  if (c === ' ' || c === '\t' || c === '\n' || c === '\r' || c === '\f' || c === '\v') return at + 1;
  if (c === '\\' && (text[at + 1] === '\n' || text[at + 1] === '\r')) return at + 2;
  if (c === '/' && text[at + 1] === '/') {
    const end = text.indexOf('\n', at);
    return end < 0 ? text.length : end;
  }
  if (c === '/' && text[at + 1] === '*') {
    const end = text.indexOf('*/', at + 2);
    return end < 0 ? text.length : end + 2;
  }
  return at;
}

/** Tokens of `text` in order. */
export function tokenizeC(text: string): CToken[] {
  const tokens: CToken[] = [];
  let at = 0;
  while (at < text.length) {
    const after = skipBlank(text, at);
    if (after > at) {
      at = after;
      continue;
    }
    const c = text[at];
    let end = at + 1;
    let kind: CToken['kind'] = 'punctuation';
    if (isWordStart(c)) {
      kind = 'word';
      while (end < text.length && isWordPart(text[end])) end++;
    } else if (isDigit(c) || (c === '.' && end < text.length && isDigit(text[end]))) {
      kind = 'number';
      while (end < text.length && (isWordPart(text[end]) || text[end] === '.')) end++;
    } else if (c === '"' || c === "'") {
      kind = 'text';
      end = endOfQuoted(text, at);
    } else {
      const long = PUNCTUATION.find((p) => text.startsWith(p, at));
      if (long !== undefined) end = at + long.length;
    }
    tokens.push({ kind, text: text.slice(at, end), start: at, end });
    at = end;
  }
  return tokens;
}
