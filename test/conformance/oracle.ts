/**
 * RFC 9669 in bigint, one rule a line, written for being checked by eye against the RFC and for nothing else: the
 * second opinion that the interpreter's int32 pairs are compared with. Shares no code with `runtime/vm`.
 */
const u = (width: number, value: bigint): bigint => BigInt.asUintN(width, value);
const s = (width: number, value: bigint): bigint => BigInt.asIntN(width, value);

/** `dst OP src` on `width` bits; the result is zero-extended to 64 bits. Operands are 64-bit register values. */
export function alu(symbol: string, width: 32 | 64, dst: bigint, src: bigint): bigint {
  const a = u(width, dst);
  const b = u(width, src);
  const shift = b & BigInt(width - 1);
  const result = (): bigint => {
    switch (symbol) {
      case '+=':
        return a + b;
      case '-=':
        return a - b;
      case '*=':
        return a * b;
      case '/=':
        return b === 0n ? 0n : a / b;
      case 's/=':
        return b === 0n ? 0n : s(width, a) / s(width, b);
      case '%=':
        return b === 0n ? a : a % b;
      case 's%=':
        return b === 0n ? a : s(width, a) % s(width, b);
      case '|=':
        return a | b;
      case '&=':
        return a & b;
      case '^=':
        return a ^ b;
      case '<<=':
        return a << shift;
      case '>>=':
        return a >> shift;
      case 's>>=':
        return s(width, a) >> shift;
      case '=':
        return b;
      default:
        throw new Error(`no rule for ${symbol}`);
    }
  };
  return u(width, result());
}

export function compare(symbol: string, width: 32 | 64, dst: bigint, src: bigint): boolean {
  const [a, b] = [u(width, dst), u(width, src)];
  const [sa, sb] = [s(width, dst), s(width, src)];
  switch (symbol) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '&':
      return (a & b) !== 0n;
    case 's>':
      return sa > sb;
    case 's>=':
      return sa >= sb;
    case 's<':
      return sa < sb;
    case 's<=':
      return sa <= sb;
    default:
      throw new Error(`no rule for ${symbol}`);
  }
}

export const neg = (width: number, value: bigint): bigint => u(width, -value);
export const movsx = (from: number, to: number, value: bigint): bigint => u(to, s(from, value));

/** Bytes of the low `width` bits reversed. */
export function swap(width: number, value: bigint): bigint {
  let out = 0n;
  for (let bit = 0; bit < width; bit += 8) out = (out << 8n) | ((value >> BigInt(bit)) & 0xffn);
  return out;
}

/** On a little-endian machine. */
export function endian(symbol: string, width: number, value: bigint): bigint {
  return symbol === 'le' ? u(width, value) : swap(width, u(width, value));
}

/** The immediate as the operand it stands for: sign-extended to 64 bits. */
export const immediate = (imm: number): bigint => u(64, BigInt(imm));

/** New memory value and what the fetching form gives back, for the atomic operations without comparison. */
export function atomic(symbol: string, width: 32 | 64, old: bigint, src: bigint): bigint {
  return alu(symbol, width, old, src);
}
