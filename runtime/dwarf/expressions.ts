/**
 * DWARF expressions as compilers emit them for BPF, decoded into the closed forms of `DwarfLocation`.
 *
 * The expression is run on a stack whose items are symbolic: a constant, register + addend, or an address. What does
 * not fit these forms (arithmetic of two registers, a load in the middle) is `unsupported` with the operation named:
 * a debugger must say that it cannot show a value, never show a wrong one.
 */
import { OP } from './constants';
import { addressAt, type Unit } from './dies';
import type { DebugData, DwarfReader } from './sections';
import type { DwarfLocation } from './types';

type Item =
  | { readonly kind: 'constant'; readonly value: bigint }
  | { readonly kind: 'register'; readonly register: number; readonly addend: bigint }
  | { readonly kind: 'address'; readonly section: string; readonly offset: number };

/** The register that DW_OP_fbreg counts from; BPF compilers always name r10. */
const FRAME_REGISTER = 10;
const REGISTERS = 11;

/** @param r a reader over the section that holds the expression; @param at its place; the reader is moved. */
export function decodeExpression(
  data: DebugData,
  unit: Unit,
  r: DwarfReader,
  at: number,
  sizeBytes: number,
): DwarfLocation {
  data.spend(sizeBytes);
  r.seek(at);
  const end = at + sizeBytes;
  const pieces: { sizeBits: number; where?: DwarfLocation }[] = [];
  let stack: Item[] = [];
  /** A location that is not a stack value: a register or implicit bytes. */
  let done: DwarfLocation | undefined;
  let isValue = false;
  const unsupported = (why: string): DwarfLocation => ({ kind: 'unsupported', why });
  const settle = (): DwarfLocation | undefined => {
    if (done) return done;
    const top = stack.pop();
    if (!top) return undefined;
    if (top.kind === 'constant')
      return isValue
        ? { kind: 'constant', value: BigInt.asUintN(64, top.value) }
        : unsupported('an absolute address');
    if (top.kind === 'address')
      return isValue
        ? unsupported('the address of a global')
        : { kind: 'global', section: top.section, offset: top.offset };
    return isValue
      ? { kind: 'registerValue', register: top.register, addend: top.addend }
      : { kind: 'memory', register: top.register, offset: Number(top.addend) };
  };

  while (r.offset < end) {
    const op = r.u8();
    if (op >= OP.lit0 && op < OP.lit0 + 32) stack.push({ kind: 'constant', value: BigInt(op - OP.lit0) });
    else if (op >= OP.reg0 && op < OP.reg0 + 32) {
      if (op - OP.reg0 >= REGISTERS) return unsupported(`register ${op - OP.reg0}`);
      done = { kind: 'register', register: op - OP.reg0 };
    } else if (op >= OP.breg0 && op < OP.breg0 + 32) {
      if (op - OP.breg0 >= REGISTERS) return unsupported(`register ${op - OP.breg0}`);
      stack.push({ kind: 'register', register: op - OP.breg0, addend: r.sleb() });
    } else {
      switch (op) {
        case OP.addr: {
          const address = r.address(unit.addressSizeBytes);
          stack.push({ kind: 'address', ...address });
          break;
        }
        case OP.addrx: {
          const address = addressAt(data, unit, r.count('address index'));
          stack.push({ kind: 'address', ...address });
          break;
        }
        case OP.const1u:
          stack.push({ kind: 'constant', value: BigInt(r.u8()) });
          break;
        case OP.const1s:
          stack.push({ kind: 'constant', value: BigInt(r.i8()) });
          break;
        case OP.const2u:
          stack.push({ kind: 'constant', value: BigInt(r.u16()) });
          break;
        case OP.const2s:
          stack.push({ kind: 'constant', value: BigInt(r.i16()) });
          break;
        case OP.const4u:
          stack.push({ kind: 'constant', value: BigInt(r.u32()) });
          break;
        case OP.const4s:
          stack.push({ kind: 'constant', value: BigInt(r.i32()) });
          break;
        case OP.const8u:
          stack.push({ kind: 'constant', value: r.u64() });
          break;
        case OP.const8s:
          stack.push({ kind: 'constant', value: r.i64() });
          break;
        case OP.constu:
          stack.push({ kind: 'constant', value: r.uleb() });
          break;
        case OP.consts:
          stack.push({ kind: 'constant', value: r.sleb() });
          break;
        case OP.regx: {
          const register = r.count('register');
          if (register >= REGISTERS) return unsupported(`register ${register}`);
          done = { kind: 'register', register };
          break;
        }
        case OP.bregx: {
          const register = r.count('register');
          if (register >= REGISTERS) return unsupported(`register ${register}`);
          stack.push({ kind: 'register', register, addend: r.sleb() });
          break;
        }
        case OP.fbreg:
          stack.push({ kind: 'register', register: FRAME_REGISTER, addend: r.sleb() });
          break;
        case OP.plusUconst:
        case OP.plus:
        case OP.minus: {
          const right: Item | undefined =
            op === OP.plusUconst ? { kind: 'constant', value: r.uleb() } : stack.pop();
          const left = stack.pop();
          const sum = left && right && combine(left, right, op === OP.minus ? -1n : 1n);
          if (!sum) return unsupported('a sum that is not register plus constant');
          stack.push(sum);
          break;
        }
        case OP.nop:
          break;
        case OP.stackValue:
          isValue = true;
          break;
        case OP.implicitValue: {
          const bytes = r.slice(r.count('size'));
          if (bytes.length > 8) return unsupported(`a constant of ${bytes.length} bytes`);
          let value = 0n;
          for (let i = 0; i < bytes.length; i++) {
            const byte = BigInt(bytes[data.littleEndian ? bytes.length - 1 - i : i]);
            value = (value << 8n) | byte;
          }
          done = { kind: 'constant', value };
          break;
        }
        case OP.piece:
        case OP.bitPiece: {
          const sizeBits = r.count('piece size') * (op === OP.piece ? 8 : 1);
          if (op === OP.bitPiece && r.count('piece offset') !== 0) return unsupported('a shifted bit piece');
          const where = settle();
          pieces.push(where ? { sizeBits, where } : { sizeBits });
          stack = [];
          done = undefined;
          isValue = false;
          break;
        }
        case OP.entryValue:
        case OP.gnuEntryValue:
          return unsupported('only its value at the entry of the function is described');
        case OP.implicitPointer:
          return unsupported('a pointer to something that is not in memory');
        default:
          return unsupported(`DWARF operation 0x${op.toString(16)}`);
      }
    }
  }
  if (r.offset > end) throw r.bad('expression runs over its end');
  if (pieces.length > 0) return { kind: 'pieces', pieces };
  return settle() ?? unsupported('an empty description');
}

function combine(left: Item, right: Item, sign: bigint): Item | undefined {
  if (right.kind !== 'constant') {
    return sign === 1n && left.kind === 'constant' ? combine(right, left, 1n) : undefined;
  }
  const addend = sign * right.value;
  switch (left.kind) {
    case 'constant':
      return { kind: 'constant', value: BigInt.asIntN(64, left.value + addend) };
    case 'register':
      return {
        kind: 'register',
        register: left.register,
        addend: BigInt.asIntN(64, left.addend + addend),
      };
    case 'address':
      return { kind: 'address', section: left.section, offset: left.offset + Number(addend) };
  }
}
