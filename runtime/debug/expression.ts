/**
 * Parser for the C expressions that watches, hovers, conditions and logpoints use. Reading only: no assignment,
 * increment, calls. The grammar is C's expression grammar less those; a type name is recognised by asking `isType`,
 * because in C only declarations tell `(a)*b` from a cast.
 */
export type Expression =
  | { readonly kind: 'number'; readonly value: bigint; readonly unsigned: boolean; readonly long: boolean }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'pseudo'; readonly name: string }
  | { readonly kind: 'member'; readonly of: Expression; readonly name: string; readonly arrow: boolean }
  | { readonly kind: 'index'; readonly of: Expression; readonly index: Expression }
  | { readonly kind: 'unary'; readonly op: '*' | '&' | '-' | '+' | '!' | '~'; readonly of: Expression }
  | { readonly kind: 'binary'; readonly op: BinaryOp; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'conditional';
      readonly test: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    }
  | { readonly kind: 'cast'; readonly type: TypeName; readonly of: Expression }
  | { readonly kind: 'sizeofType'; readonly type: TypeName }
  | { readonly kind: 'sizeof'; readonly of: Expression };

export type BinaryOp =
  | '*'
  | '/'
  | '%'
  | '+'
  | '-'
  | '<<'
  | '>>'
  | '<'
  | '<='
  | '>'
  | '>='
  | '=='
  | '!='
  | '&'
  | '^'
  | '|'
  | '&&'
  | '||';

export interface TypeName {
  /** `struct beat`, `unsigned long`, `__u32`: words joined by one blank, qualifiers dropped. */
  readonly base: string;
  readonly pointers: number;
}

export type FormatSuffix = 'x' | 'd' | undefined;

/** What is wrong with an expression, for people. */
export class ExpressionError extends Error {
  override name = 'ExpressionError';
}

const BINARY_LEVELS: readonly (readonly BinaryOp[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '<=', '>', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];

const TYPE_WORDS = new Set([
  'struct',
  'union',
  'enum',
  'unsigned',
  'signed',
  'int',
  'long',
  'short',
  'char',
  'void',
  '_Bool',
  'bool',
  'const',
  'volatile',
  'float',
  'double',
]);
const QUALIFIERS = new Set(['const', 'volatile']);
const TOKEN =
  /\s*(?:(\$[A-Za-z_]\w*)|([A-Za-z_]\w*)|(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)([uUlL]*)(?![\w.])|'((?:[^'\\]|\\.)+)'|"((?:[^"\\]|\\.)*)"|(->|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|[-+*/%&|^]=|[-+*/%&|^~!<>=?:()[\].,]))/y;

interface Token {
  readonly kind: 'pseudo' | 'word' | 'number' | 'char' | 'string' | 'punct' | 'end';
  readonly text: string;
  readonly suffix: string;
  readonly at: number;
}

const LENGTH_MAX = 4096;
const DEPTH_MAX = 100;

function tokenise(text: string): Token[] {
  if (text.length > LENGTH_MAX) throw new ExpressionError('the expression is too long');
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (;;) {
    const at = TOKEN.lastIndex;
    if (text.slice(at).trim() === '') {
      tokens.push({ kind: 'end', text: '', suffix: '', at: text.length });
      return tokens;
    }
    const m = TOKEN.exec(text);
    if (!m) throw new ExpressionError(`cannot read '${text.slice(at).trim().slice(0, 12)}'`);
    const groups: readonly (string | undefined)[] = m;
    const [, pseudo, word, number, suffix, char, string, punct] = groups;
    const token = (kind: Token['kind'], value: string): Token => ({
      kind,
      text: value,
      suffix: suffix ?? '',
      at,
    });
    if (pseudo !== undefined) tokens.push(token('pseudo', pseudo));
    else if (word !== undefined) tokens.push(token('word', word));
    else if (number !== undefined) tokens.push(token('number', number));
    else if (char !== undefined) tokens.push(token('char', char));
    else if (string !== undefined) tokens.push(token('string', string));
    else tokens.push(token('punct', punct ?? ''));
  }
}

/** @throws ExpressionError */
export function parseExpression(
  text: string,
  isType: (name: string) => boolean,
): { expression: Expression; format: FormatSuffix } {
  const parser = new Parser(tokenise(text), isType);
  return parser.whole();
}

class Parser {
  private at = 0;
  private depth = 0;
  constructor(
    private readonly tokens: readonly Token[],
    private readonly isType: (name: string) => boolean,
  ) {}

  private peek(): Token {
    return this.tokens[this.at];
  }

  private take(punct: string): boolean {
    if (this.peek().kind !== 'punct' || this.peek().text !== punct) return false;
    this.at++;
    return true;
  }

  private expect(punct: string): void {
    if (!this.take(punct)) throw this.unexpected(`'${punct}'`);
  }

  private unexpected(wanted: string): ExpressionError {
    const { kind, text } = this.peek();
    if (kind === 'punct' && (text === '++' || text === '--' || (text.endsWith('=') && !/[=!<>]=/.test(text))))
      return new ExpressionError('expressions here only read: no assignment, no increment');
    return new ExpressionError(`${wanted} expected ${kind === 'end' ? 'at the end' : `before '${text}'`}`);
  }

  whole(): { expression: Expression; format: FormatSuffix } {
    if (this.peek().kind === 'end') throw new ExpressionError('nothing to evaluate');
    const expression = this.expression();
    let format: FormatSuffix;
    if (this.take(',')) {
      const word = this.peek().text;
      if (word !== 'x' && word !== 'd') throw this.unexpected("a format, 'x' or 'd',");
      format = word;
      this.at++;
    }
    if (this.peek().kind !== 'end') throw this.unexpected('an operator');
    return { expression, format };
  }

  private expression(): Expression {
    if (++this.depth > DEPTH_MAX) throw new ExpressionError('the expression is nested too deeply');
    const test = this.binary(0);
    let result = test;
    if (this.take('?')) {
      const yes = this.expression();
      this.expect(':');
      result = { kind: 'conditional', test, yes, no: this.expression() };
    }
    this.depth--;
    return result;
  }

  private binary(level: number): Expression {
    if (level === BINARY_LEVELS.length) return this.unary();
    let left = this.binary(level + 1);
    for (;;) {
      const op = BINARY_LEVELS[level].find((o) => this.peek().kind === 'punct' && this.peek().text === o);
      if (op === undefined) return left;
      this.at++;
      left = { kind: 'binary', op, left, right: this.binary(level + 1) };
    }
  }

  private unary(): Expression {
    if (++this.depth > DEPTH_MAX) throw new ExpressionError('the expression is nested too deeply');
    try {
      for (const op of ['*', '&', '-', '+', '!', '~'] as const)
        if (this.take(op)) return { kind: 'unary', op, of: this.unary() };
      if (this.peek().kind === 'word' && this.peek().text === 'sizeof') {
        this.at++;
        if (this.startsType(1) && this.take('(')) {
          const type = this.typeName();
          this.expect(')');
          return { kind: 'sizeofType', type };
        }
        return { kind: 'sizeof', of: this.unary() };
      }
      if (this.startsType(1)) {
        this.expect('(');
        const type = this.typeName();
        this.expect(')');
        return { kind: 'cast', type, of: this.unary() };
      }
      return this.postfix();
    } finally {
      this.depth--;
    }
  }

  /** Whether `(` stands here with a type name behind it. */
  private startsType(ahead: number): boolean {
    if (this.peek().kind !== 'punct' || this.peek().text !== '(') return false;
    const next = this.tokens[this.at + ahead] as Token | undefined;
    return next?.kind === 'word' && (TYPE_WORDS.has(next.text) || this.isType(next.text));
  }

  private typeName(): TypeName {
    const words: string[] = [];
    while (this.peek().kind === 'word') {
      if (!QUALIFIERS.has(this.peek().text)) words.push(this.peek().text);
      this.at++;
    }
    let pointers = 0;
    for (;;) {
      if (this.take('*')) pointers++;
      else if (
        this.peek().kind === 'word' &&
        (QUALIFIERS.has(this.peek().text) || this.peek().text === 'restrict')
      )
        this.at++;
      else break;
    }
    if (words.length === 0) throw this.unexpected('a type');
    return { base: words.join(' '), pointers };
  }

  private postfix(): Expression {
    let value = this.primary();
    for (;;) {
      if (this.take('[')) {
        const index = this.expression();
        this.expect(']');
        value = { kind: 'index', of: value, index };
      } else if (this.peek().kind === 'punct' && (this.peek().text === '.' || this.peek().text === '->')) {
        const arrow = this.peek().text === '->';
        this.at++;
        if (this.peek().kind !== 'word') throw this.unexpected('a member name');
        value = { kind: 'member', of: value, name: this.peek().text, arrow };
        this.at++;
      } else if (this.peek().kind === 'punct' && this.peek().text === '(') {
        throw new ExpressionError(
          'functions cannot be called here: the program must not change while you look',
        );
      } else return value;
    }
  }

  private primary(): Expression {
    const token = this.peek();
    switch (token.kind) {
      case 'number': {
        this.at++;
        const octal = /^0\d+$/.test(token.text);
        if (octal && /[89]/.test(token.text))
          throw new ExpressionError(`'${token.text}' is not an octal number`);
        const value = BigInt(octal ? '0o' + token.text.slice(1) : token.text);
        if (value >> 64n !== 0n) throw new ExpressionError(`${token.text} does not fit 64 bits`);
        const suffix = token.suffix.toLowerCase();
        return {
          kind: 'number',
          value,
          unsigned:
            suffix.includes('u') ||
            value >> 63n !== 0n ||
            (value > 0x7fff_ffffn && value <= 0xffff_ffffn && /^0[xXbB]/.test(token.text)),
          long:
            suffix.includes('l') ||
            value > 0xffff_ffffn ||
            (value > 0x7fff_ffffn && !/^0[xXbB]/.test(token.text)),
        };
      }
      case 'char': {
        this.at++;
        const text = unescape(token.text);
        if (text.length !== 1) throw new ExpressionError(`'${token.text}' is not one character`);
        return { kind: 'number', value: BigInt(text.charCodeAt(0)), unsigned: false, long: false };
      }
      case 'string':
        this.at++;
        return { kind: 'string', text: unescape(token.text) };
      case 'word':
        this.at++;
        return { kind: 'name', name: token.text };
      case 'pseudo':
        this.at++;
        return { kind: 'pseudo', name: token.text };
      default:
        if (this.take('(')) {
          const inner = this.expression();
          this.expect(')');
          return inner;
        }
        throw this.unexpected('a value');
    }
  }
}

function unescape(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)/g, (_, code: string) => {
    if (code.startsWith('x')) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 0xff);
    const known: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
    return known[code] ?? code;
  });
}
