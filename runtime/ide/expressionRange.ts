/**
 * From a place (a line and column of BTF line info, which is where the compiler puts an expression's debug location)
 * to the extent of the C expression that it stands for: a call from its name to its closing parenthesis, a member
 * access with its base, an assignment whole, an `if` with its condition. Works on one line alone (all that an object
 * file stores) or on the whole text (the editor has it), where an expression may span lines. It guesses from tokens;
 * when in doubt it takes less, and never goes outside the text.
 */
import { tokenizeC, type CToken } from './cTokens';

/** Offsets in the given text; `end` is exclusive. */
export interface TextSpan {
  readonly start: number;
  readonly end: number;
}

const OPENERS: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };
const CLOSERS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
const CONDITION_WORDS = new Set(['if', 'while', 'for', 'switch']);
const JUMP_WORDS = new Set(['return', 'goto', 'break', 'continue']);
const ASSIGNMENTS = new Set(['=', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '<<=', '>>=']);
/** Binding strength of binary operators; a larger number binds tighter. */
const BINARY: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '==': 6,
  '!=': 6,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
};
const UNARY = new Set(['*', '&', '!', '~', '-', '+', '++', '--']);

/** Index of the partner of the bracket at `i`, searching forwards or backwards; the last index reached if there is none. */
function partner(tokens: readonly CToken[], i: number): number {
  const forwards = tokens[i].text in OPENERS;
  const step = forwards ? 1 : -1;
  let depth = 0;
  let k = i;
  for (; k >= 0 && k < tokens.length; k += step) {
    const text = tokens[k].text;
    if (text in OPENERS) depth += step;
    else if (text in CLOSERS) depth -= step;
    if (depth === 0) return k;
  }
  return forwards ? tokens.length - 1 : 0;
}

/** Whether an operand ends at `i`: a name, a literal, or a bracket that is neither a condition's nor a cast's. */
function isOperandEnd(tokens: readonly CToken[], i: number): boolean {
  const token = tokens[i];
  if (token === undefined) return false;
  if (token.text === ']') return true;
  if (token.text === ')') {
    const before = tokens[partner(tokens, i) - 1]?.text ?? '';
    return !CONDITION_WORDS.has(before) && castStart(tokens, i) === undefined;
  }
  return token.kind !== 'punctuation' && !CONDITION_WORDS.has(token.text) && !JUMP_WORDS.has(token.text);
}

const TYPE_WORD =
  /^(?:char|short|int|long|unsigned|signed|_Bool|bool|void|float|double)$|_t$|^(?:__)?[us](?:8|16|32|64)$|^__(?:be|le)\d+$/;

/** Index of the `(` when the `)` at `i` closes what looks like a cast: `(__u64 *)`, `(struct x *)`, `(int)`. */
function castStart(tokens: readonly CToken[], i: number): number | undefined {
  const open = partner(tokens, i);
  const inside = tokens.slice(open + 1, i);
  if (tokens[open].text !== '(' || inside.length === 0 || inside[0].kind !== 'word') return undefined;
  if (!inside.every((token) => token.kind === 'word' || token.text === '*')) return undefined;
  const before = tokens[open - 1];
  if (before !== undefined && before.kind === 'word' && !JUMP_WORDS.has(before.text)) return undefined;
  return inside.length > 1 || TYPE_WORD.test(inside[0].text) ? open : undefined;
}

/** Last token of the postfix chain (`.x`, `->x`, `[i]`, `(…)`, `++`) that starts with the operand ending at `i`. */
function chainEnd(tokens: readonly CToken[], i: number): number {
  let k = i;
  for (;;) {
    const next = tokens[k + 1]?.text;
    if ((next === '.' || next === '->') && tokens[k + 2]?.kind === 'word') k += 2;
    else if (next === '[' || next === '(') k = partner(tokens, k + 1);
    else if (next === '++' || next === '--') return k + 1;
    else return k;
    if (k >= tokens.length - 1) return tokens.length - 1;
  }
}

/** First token of the postfix chain whose last operand part is at `i`. */
function chainStart(tokens: readonly CToken[], i: number): number {
  let k = i;
  for (;;) {
    if (tokens[k].text === ')' || tokens[k].text === ']') {
      const open = partner(tokens, k);
      // `x[1]` and `f(1)` go on to their left; a parenthesised operand does not.
      if (open > 0 && isOperandEnd(tokens, open - 1)) k = open - 1;
      else return open;
      continue;
    }
    const before = tokens[k - 1]?.text;
    if ((before === '.' || before === '->') && k >= 2) k -= 2;
    else return k;
  }
}

/** First token of a unary operand: its chain and the prefix operators before it. */
function unaryStart(tokens: readonly CToken[], i: number): number {
  let k = chainStart(tokens, i);
  for (;;) {
    const cast = tokens[k - 1]?.text === ')' ? castStart(tokens, k - 1) : undefined;
    if (cast !== undefined) k = cast;
    else if (k > 0 && UNARY.has(tokens[k - 1].text) && !isOperandEnd(tokens, k - 2)) k--;
    else return k;
  }
}

/** Last token of the unary operand that starts at `i`. */
function unaryEnd(tokens: readonly CToken[], i: number): number {
  let k = i;
  while (k < tokens.length - 1 && UNARY.has(tokens[k].text)) k++;
  if (tokens[k].text === '(') {
    const close = partner(tokens, k);
    // The operand of a cast follows its parentheses.
    if (close + 1 < tokens.length && castStart(tokens, close) !== undefined)
      return unaryEnd(tokens, close + 1);
    return chainEnd(tokens, close);
  }
  return chainEnd(tokens, k);
}

/** Grows an operand to the left over operators that bind at least as tightly as `strength`. */
function operandStart(tokens: readonly CToken[], i: number, strength: number): number {
  let k = unaryStart(tokens, i);
  while (k > 1 && (BINARY[tokens[k - 1].text] ?? 0) >= strength && isOperandEnd(tokens, k - 2)) {
    k = unaryStart(tokens, k - 2);
  }
  return k;
}

function operandEnd(tokens: readonly CToken[], i: number, strength: number): number {
  let k = unaryEnd(tokens, i);
  while (k + 2 < tokens.length && (BINARY[tokens[k + 1].text] ?? 0) > strength) k = unaryEnd(tokens, k + 2);
  return k;
}

/** Last token before the `;`, `,` or closing bracket that ends the expression starting at `i`. */
function statementEnd(tokens: readonly CToken[], i: number): number {
  let k = i;
  while (k + 1 < tokens.length) {
    const next = tokens[k + 1].text;
    if (next === ';' || next === ',' || next in CLOSERS) return k;
    k = next in OPENERS ? partner(tokens, k + 1) : k + 1;
  }
  return k;
}

function wordRange(tokens: readonly CToken[], i: number): [number, number] {
  const word = tokens[i].text;
  if (CONDITION_WORDS.has(word)) return [i, tokens[i + 1]?.text === '(' ? partner(tokens, i + 1) : i];
  if (JUMP_WORDS.has(word)) return [i, statementEnd(tokens, i)];
  if (tokens[i + 1]?.text === '(') return [chainStart(tokens, i), partner(tokens, i + 1)];
  return [chainStart(tokens, i), chainEnd(tokens, i)];
}

function punctuationRange(tokens: readonly CToken[], i: number): [number, number] {
  const text = tokens[i].text;
  const afterOperand = isOperandEnd(tokens, i - 1);
  if (ASSIGNMENTS.has(text) && afterOperand) return [unaryStart(tokens, i - 1), statementEnd(tokens, i)];
  if ((text === '++' || text === '--') && afterOperand) return [chainStart(tokens, i - 1), i];
  if (text in BINARY && afterOperand && i + 1 < tokens.length) {
    const strength = BINARY[text];
    return [operandStart(tokens, i - 1, strength), operandEnd(tokens, i + 1, strength)];
  }
  if (UNARY.has(text) && i + 1 < tokens.length) return [i, unaryEnd(tokens, i)];
  if ((text === '.' || text === '->') && i > 0 && i + 1 < tokens.length) {
    return [chainStart(tokens, i - 1), chainEnd(tokens, i + 1)];
  }
  if (text === '[' && i > 0) return [chainStart(tokens, i - 1), chainEnd(tokens, partner(tokens, i))];
  if (text === '(') return [i, partner(tokens, i)];
  return [i, i];
}

/** The expression around `offset` among `tokens`; undefined where no token is at or after it. */
export function expressionAt(tokens: readonly CToken[], offset: number): TextSpan | undefined {
  let low = 0;
  let high = tokens.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tokens[middle].end <= offset) low = middle + 1;
    else high = middle;
  }
  if (low >= tokens.length) return undefined;
  const kind = tokens[low].kind;
  const [first, last] =
    kind === 'word'
      ? wordRange(tokens, low)
      : kind === 'punctuation'
        ? punctuationRange(tokens, low)
        : ([low, low] as const);
  return { start: tokens[first].start, end: tokens[last].end };
}

/**
 * The expression at `column` (1-based; 0 when unknown) of one line, as columns: `column` and `endColumn` 1-based,
 * `endColumn` exclusive. An unknown column gives the line without its surrounding blanks.
 */
export function expressionColumns(
  lineText: string,
  column: number,
): { readonly column: number; readonly endColumn: number } {
  const tokens = tokenizeC(lineText);
  const span = column > 0 && column <= lineText.length ? expressionAt(tokens, column - 1) : undefined;
  if (span !== undefined) return { column: span.start + 1, endColumn: span.end + 1 };
  if (tokens.length === 0) return { column: 1, endColumn: lineText.length + 1 };
  return { column: tokens[0].start + 1, endColumn: tokens[tokens.length - 1].end + 1 };
}

/** A document's text with its lines and tokens, to be asked for many places. */
export class SourceText {
  private readonly lineStarts: number[];
  private tokens: CToken[] | undefined;

  constructor(readonly text: string) {
    this.lineStarts = [0];
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) this.lineStarts.push(i + 1);
  }

  get lineCount(): number {
    return this.lineStarts.length;
  }

  /** Text of a line (0-based) without its line end; '' outside. */
  line(line: number): string {
    if (line < 0 || line >= this.lineStarts.length) return '';
    const end = this.lineStarts[line + 1] ?? this.text.length + 1;
    return this.text.slice(this.lineStarts[line], end - 1).replace(/\r$/, '');
  }

  /** 0-based line and character of an offset. */
  positionAt(offset: number): { line: number; character: number } {
    let low = 0;
    let high = this.lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.lineStarts[middle] <= offset) low = middle;
      else high = middle;
    }
    return { line: low, character: offset - this.lineStarts[low] };
  }

  /**
   * Expression at a place (1-based line and column). `columnIsBytes`: compilers count bytes; text with non-ASCII
   * characters before the place is corrected. Undefined when the line does not exist.
   */
  expressionAt(line: number, column: number): TextSpan | undefined {
    if (line < 1 || line > this.lineStarts.length) return undefined;
    this.tokens ??= tokenizeC(this.text);
    const start = this.lineStarts[line - 1];
    const lineText = this.line(line - 1);
    const character = column > 0 ? utf16Column(lineText, column - 1) : -1;
    if (character >= 0 && character < lineText.length) {
      const span = expressionAt(this.tokens, start + character);
      if (span !== undefined && span.start < start + lineText.length) return span;
    }
    const trimmed = expressionColumns(lineText, 0);
    return { start: start + trimmed.column - 1, end: start + trimmed.endColumn - 1 };
  }
}

/** Compilers count columns in bytes of UTF-8; editors in UTF-16 units. */
export function utf16Column(lineText: string, byteColumn: number): number {
  let bytes = 0;
  for (let i = 0; i < lineText.length; i++) {
    if (bytes >= byteColumn) return i;
    const code = lineText.codePointAt(i)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (code >= 0x10000) i++;
  }
  return bytes >= byteColumn ? lineText.length : lineText.length + (byteColumn - bytes);
}
