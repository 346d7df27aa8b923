/**
 * Text to bytes of a given type, for scenarios and edits: a C initialiser (`{.count = 3, .name = "eth0"}`, `-1`,
 * `1 << 4`, an enumerator's name) or bytes in hexadecimal.
 *
 * Hexadecimal is taken for bytes when it cannot be meant as C: bytes apart (`01 00 00 00`, `01:00`), the prefix `hex:`, or
 * exactly twice as many digits as the type has bytes with a leading zero or a letter among them. `0x…` is always a number.
 */
import { hexToBytes } from '../util/hexText';
import { fail, FormatError, ok, type Result } from '../util/problem';
import { utf8Encode } from '../util/utf8';
import { resolvedType, sizeOfType } from './query';
import { typeName } from './typeNames';
import type { Btf, BtfMember, BtfType } from './types';
import { bitfieldOf, writeBits } from './values';

const MAX_VALUE_BYTES = 1 << 26;

/** The bytes of a value of that type, in the byte order of the object; what the text leaves out is zero. */
export function parseValue(btf: Btf, typeId: number, text: string, littleEndian = true): Result<Uint8Array> {
  const problem = (message: string, remedy: string): Result<Uint8Array> =>
    fail({ code: 'bad-value', message, remedy });
  const sizeBytes = sizeOfType(btf, typeId);
  if (sizeBytes === undefined || sizeBytes > MAX_VALUE_BYTES) {
    return problem(
      `'${typeName(btf, typeId)}' is not a type that values can be written for`,
      'Write the bytes in hexadecimal.',
    );
  }
  const hex = asHex(text, sizeBytes);
  if (hex !== undefined) {
    const bytes = hexToBytes(hex);
    if (!bytes.ok) return bytes;
    if (bytes.value.length !== sizeBytes) {
      return problem(
        `${bytes.value.length} bytes given, but '${typeName(btf, typeId)}' has ${sizeBytes}`,
        `Write ${sizeBytes} bytes, or a C initialiser.`,
      );
    }
    return bytes;
  }
  try {
    const bytes = new Uint8Array(sizeBytes);
    new InitialiserReader(btf, text, bytes, littleEndian).run(typeId);
    return ok(bytes);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return problem(
      `'${text.length > 60 ? text.slice(0, 60) + '…' : text}' is not a '${typeName(btf, typeId)}': ${error.message}`,
      'Write a C initialiser such as {.count = 3}, a number, or the bytes in hexadecimal.',
    );
  }
}

function asHex(text: string, sizeBytes: number): string | undefined {
  const trimmed = text.trim();
  if (/^hex:/i.test(trimmed)) return trimmed.slice(4);
  if (/^[0-9a-f]{2}([\s:]+[0-9a-f]{2})+$/i.test(trimmed)) return trimmed;
  const exact = trimmed.length === 2 * sizeBytes && /^[0-9a-f]+$/i.test(trimmed);
  return exact && sizeBytes > 1 && (trimmed.startsWith('0') || /[a-f]/i.test(trimmed)) ? trimmed : undefined;
}

type Token =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'string'; readonly bytes: Uint8Array }
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'sign'; readonly text: string };

const bad = (message: string): never => {
  throw new FormatError('value', message);
};

const ESCAPES: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, '0': 0, a: 7, b: 8, f: 12, v: 11 };

function tokens(text: string): Token[] {
  const list: Token[] = [];
  const pattern =
    /\s+|(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)[uUlL]*(?![\w.])|'((?:\\x[0-9a-fA-F]{1,2}|\\.|[^'\\]))'|"((?:\\.|[^"\\])*)"|([A-Za-z_]\w*)|(<<|>>|[{}[\](),.=|&^+\-*~])/y;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) return bad(`unexpected '${text.slice(at, at + 10)}'`);
    const [, digits, char, string, name, sign] = match;
    if (digits !== undefined) {
      const octal = /^0\d+$/.test(digits);
      if (octal && /[89]/.test(digits)) bad(`'${digits}' is not an octal number`);
      list.push({ kind: 'number', value: BigInt(octal ? '0o' + digits.slice(1) : digits) });
    } else if (char !== undefined) list.push({ kind: 'number', value: BigInt(unescape(char)[0] ?? 0) });
    else if (string !== undefined) list.push({ kind: 'string', bytes: unescape(string) });
    else if (name !== undefined) list.push({ kind: 'name', text: name });
    else if (sign !== undefined) list.push({ kind: 'sign', text: sign });
  }
  return list;
}

function unescape(text: string): Uint8Array {
  const out: number[] = [];
  for (const [part] of text.matchAll(/\\x[0-9a-fA-F]{1,2}|\\[\s\S]|[^\\]+/g)) {
    if (!part.startsWith('\\')) out.push(...utf8Encode(part));
    else if (part.startsWith('\\x') && part.length > 2) out.push(Number.parseInt(part.slice(2), 16));
    else out.push(ESCAPES[part[1]] ?? part.charCodeAt(1));
  }
  return Uint8Array.from(out);
}

const PRECEDENCE: Readonly<Record<string, number>> = {
  '|': 1,
  '^': 2,
  '&': 3,
  '<<': 4,
  '>>': 4,
  '+': 5,
  '-': 5,
  '*': 6,
};
const MAX_NESTING = 200;

class InitialiserReader {
  private readonly list: readonly Token[];
  private at = 0;
  private depth = 0;

  constructor(
    private readonly btf: Btf,
    text: string,
    private readonly bytes: Uint8Array,
    private readonly littleEndian: boolean,
  ) {
    this.list = tokens(text);
  }

  run(typeId: number): void {
    this.value(typeId, 0);
    if (this.at < this.list.length) bad('something follows the value');
  }

  private sign(text: string): boolean {
    const token = this.list[this.at];
    if (token?.kind !== 'sign' || token.text !== text) return false;
    this.at++;
    return true;
  }

  private expect(text: string): void {
    if (!this.sign(text)) bad(`'${text}' expected`);
  }

  private name(): string {
    const token = this.list[this.at++];
    return token?.kind === 'name' ? token.text : bad('a member name expected');
  }

  private nested(visit: () => void): void {
    if (++this.depth > MAX_NESTING) bad('nested too deeply');
    visit();
    this.depth--;
  }

  private value(typeId: number, offset: number): void {
    this.nested(() => {
      const type = resolvedType(this.btf, typeId);
      switch (type.kind) {
        case 'struct':
        case 'union':
          this.expect('{');
          return this.members(type, offset);
        case 'array': {
          const token = this.list[this.at];
          if (token?.kind === 'string') return this.string(type, token.bytes, offset);
          this.expect('{');
          return this.elements(type, offset);
        }
        case 'datasec':
        case 'var':
          return bad('global data is written variable by variable');
        case 'float':
          return bad('floating point is not supported');
        default:
          // A scalar may stand in braces, as in C.
          if (this.sign('{')) {
            this.scalar(type, 8 * offset, 8 * (sizeOfType(this.btf, typeId) ?? 0));
            this.sign(',');
            return this.expect('}');
          }
          return this.scalar(type, 8 * offset, 8 * (sizeOfType(this.btf, typeId) ?? 0));
      }
    });
  }

  private string(type: Extract<BtfType, { kind: 'array' }>, text: Uint8Array, offset: number): void {
    this.at++;
    if (sizeOfType(this.btf, type.type) !== 1) bad('a string needs an array of char');
    if (text.length > type.count)
      bad(`the string has ${text.length} bytes, but there is room for ${type.count}`);
    this.bytes.set(text, offset);
  }

  private members(type: Extract<BtfType, { kind: 'struct' | 'union' }>, offset: number): void {
    for (let position = 0; !this.sign('}');) {
      if (this.sign('.')) {
        const name = this.name();
        const path = memberPath(this.btf, type, name);
        if (path === undefined) bad(`there is no member '${name}'`);
        position = type.members.indexOf((path as MemberPlace).top) + 1;
        this.designated((path as MemberPlace).member, offset + (path as MemberPlace).offset);
      } else {
        const member = type.members[position++] ?? bad('too many values for the struct');
        this.member(member, offset);
      }
      if (!this.sign(',')) {
        this.expect('}');
        return;
      }
    }
  }

  /** After `.name`: more of the designator, or `= value`. */
  private designated(member: BtfMember, base: number): void {
    this.nested(() => {
      const type = resolvedType(this.btf, member.type);
      const offset = base + Math.floor(member.offsetBits / 8);
      if (this.sign('.')) {
        if (type.kind !== 'struct' && type.kind !== 'union') return bad(`'${member.name}' has no members`);
        const name = this.name();
        const path = memberPath(this.btf, type, name);
        return path === undefined
          ? bad(`there is no member '${name}'`)
          : this.designated(path.member, offset + path.offset);
      }
      if (this.sign('[')) {
        if (type.kind !== 'array') return bad(`'${member.name}' is not an array`);
        return this.designatedElement(type, offset);
      }
      this.expect('=');
      this.member(member, base);
    });
  }

  private member(member: BtfMember, base: number): void {
    const field = bitfieldOf(this.btf, member);
    if (field === undefined) return this.value(member.type, base + member.offsetBits / 8);
    this.scalar(resolvedType(this.btf, member.type), 8 * base + field.offsetBits, field.bits);
  }

  private elements(type: Extract<BtfType, { kind: 'array' }>, offset: number): void {
    const size = sizeOfType(this.btf, type.type) ?? 0;
    for (let index = 0; !this.sign('}');) {
      if (this.sign('[')) index = this.designatedElement(type, offset) + 1;
      else {
        if (index >= type.count) bad(`the array has only ${type.count} elements`);
        this.value(type.type, offset + size * index++);
      }
      if (!this.sign(',')) {
        this.expect('}');
        return;
      }
    }
  }

  /** After `[`: index, `]`, `=`, value. */
  private designatedElement(type: Extract<BtfType, { kind: 'array' }>, offset: number): number {
    const index = this.expression(0, undefined);
    this.expect(']');
    this.expect('=');
    if (index < 0n || index >= BigInt(type.count)) bad(`the array has only ${type.count} elements`);
    this.value(type.type, offset + (sizeOfType(this.btf, type.type) ?? 0) * Number(index));
    return Number(index);
  }

  private scalar(type: BtfType, offsetBits: number, bits: number): void {
    if (type.kind !== 'int' && type.kind !== 'enum' && type.kind !== 'ptr')
      bad(`a ${type.kind} has no value`);
    const value = this.expression(0, type);
    if (value >= 1n << BigInt(bits) || value < -(1n << BigInt(bits - 1)))
      bad(`${value} does not fit into ${bits} bits`);
    writeBits(this.bytes, offsetBits, bits, this.littleEndian, BigInt.asUintN(bits, value));
  }

  private expression(level: number, type: BtfType | undefined): bigint {
    let left = this.operand(type);
    for (;;) {
      const token = this.list[this.at];
      const precedence = token?.kind === 'sign' ? PRECEDENCE[token.text] : undefined;
      if (token?.kind !== 'sign' || precedence === undefined || precedence <= level) return left;
      this.at++;
      left = apply(token.text, left, this.expression(precedence, type));
    }
  }

  private operand(type: BtfType | undefined): bigint {
    if (++this.depth > MAX_NESTING) bad('nested too deeply');
    const value = this.operandInside(type);
    this.depth--;
    return value;
  }

  private operandInside(type: BtfType | undefined): bigint {
    if (this.sign('-')) return -this.operand(type);
    if (this.sign('+')) return this.operand(type);
    if (this.sign('~')) return ~this.operand(type);
    if (this.sign('(')) {
      const value = this.expression(0, type);
      this.expect(')');
      return value;
    }
    const token = this.list[this.at++];
    if (token === undefined) return bad('a value is missing');
    if (token.kind === 'number') return token.value;
    if (token.kind === 'name') return this.named(token.text, type);
    return bad(
      token.kind === 'string' ? 'a number expected, not a string' : `a number expected, not '${token.text}'`,
    );
  }

  private named(text: string, type: BtfType | undefined): bigint {
    if (text === 'true') return 1n;
    if (text === 'false' || text === 'NULL') return 0n;
    const wanted = type?.kind === 'enum' ? type.values.find((entry) => entry.name === text) : undefined;
    if (wanted !== undefined) return wanted.value;
    for (const candidate of this.btf.types) {
      if (candidate.kind !== 'enum') continue;
      const entry = candidate.values.find((value) => value.name === text);
      if (entry !== undefined) return entry.value;
    }
    return bad(`unknown name '${text}'`);
  }
}

function apply(operator: string, a: bigint, b: bigint): bigint {
  switch (operator) {
    case '|':
      return a | b;
    case '&':
      return a & b;
    case '^':
      return a ^ b;
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return BigInt.asIntN(128, a * b);
    case '<<':
    case '>>':
      if (b < 0n || b > 64n) return bad(`shift by ${b}`);
      return operator === '<<' ? a << b : a >> b;
    default:
      return bad(`unknown operator '${operator}'`);
  }
}

interface MemberPlace {
  /** The member of the outer struct that leads to it (itself, or an anonymous one). */
  readonly top: BtfMember;
  readonly member: BtfMember;
  /** Bytes of the anonymous structs in between. */
  readonly offset: number;
}

/** Finds a member by name, also inside anonymous members, as C does. */
function memberPath(
  btf: Btf,
  type: Extract<BtfType, { kind: 'struct' | 'union' }>,
  name: string,
  searched = new Set<BtfType>(),
): MemberPlace | undefined {
  // What was searched in vain once is not searched again, however often it is contained.
  searched.add(type);
  for (const member of type.members) {
    if (member.name === name) return { top: member, member, offset: 0 };
    if (member.name !== '') continue;
    const inner = resolvedType(btf, member.type);
    if ((inner.kind !== 'struct' && inner.kind !== 'union') || searched.has(inner)) continue;
    const found = memberPath(btf, inner, name, searched);
    if (found !== undefined) {
      return { top: member, member: found.member, offset: member.offsetBits / 8 + found.offset };
    }
  }
  return undefined;
}
