/**
 * DWARF expressions as compilers emit them for BPF, decoded into the closed forms of `DwarfLocation`.
 *
 * The expression is run on a stack whose items are symbolic: a constant, register + addend, an address, or an expression
 * tree of all these. An operation that is not known makes it `unsupported` with the operation named: a debugger must
 * say that it cannot show a value, never show a wrong one.
 */
import { BINARY_OPS, OP } from './constants';
import { addressAt, type Unit } from './dies';
import type { DebugData, DwarfReader } from './sections';
import type { DwarfBinary, DwarfExpression, DwarfLocation } from './types';

type Item =
  | { readonly kind: 'constant'; readonly value: bigint }
  | { readonly kind: 'register'; readonly register: number; readonly addend: bigint }
  | { readonly kind: 'address'; readonly section: string; readonly offset: number }
  | { readonly kind: 'tree'; readonly tree: DwarfExpression; readonly nodes: number };

/** Trees share parts (DW_OP_dup), so their size is counted as if they did not: evaluating must stay cheap. */
const NODES_MAX = 200;
const STACK_MAX = 64;

/** Base types that DW_OP_convert names, by offset in .debug_info. */
export type BaseTypeAt = (
  offset: number,
) => { readonly sizeBytes: number; readonly signed: boolean } | undefined;

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
  baseTypeAt: BaseTypeAt = () => undefined,
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
    if (top.kind === 'tree')
      return { kind: 'computed', expression: top.tree, result: isValue ? 'value' : 'address' };
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
        case OP.plusUconst: {
          const right: Item = { kind: 'constant', value: r.uleb() };
          const left = stack.pop();
          const sum = left && combine('plus', left, right);
          if (!sum) return unsupported('a sum of an address');
          stack.push(sum);
          break;
        }
        case OP.dup:
        case OP.over: {
          const item = stack.at(op === OP.dup ? -1 : -2);
          if (!item) return unsupported('an empty stack');
          stack.push(item);
          break;
        }
        case OP.drop:
          stack.pop();
          break;
        case OP.swap: {
          const second = stack.pop();
          const first = stack.pop();
          if (!first || !second) return unsupported('an empty stack');
          stack.push(second, first);
          break;
        }
        case OP.neg:
        case OP.not:
        case OP.deref:
        case OP.derefSize:
        case OP.convert: {
          const item = stack.pop();
          const size = op === OP.derefSize ? r.u8() : 8;
          const base = op === OP.convert ? r.count('type') : 0;
          const made = item && unary(op, item, size, base === 0 ? undefined : baseTypeAt(unit.start + base));
          if (op === OP.convert && item && base === 0) {
            stack.push(item);
            break;
          }
          if (!made) return unsupported('an operation on an address or an unknown type');
          stack.push(made);
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
        default: {
          const binary = BINARY_OPS.get(op);
          if (binary === undefined) return unsupported(`DWARF operation 0x${op.toString(16)}`);
          const right = stack.pop();
          const left = stack.pop();
          const made = left && right && combine(binary, left, right);
          if (!made) return unsupported('arithmetic on the address of a global');
          stack.push(made);
        }
      }
    }
    if (stack.length > STACK_MAX) return unsupported('too many intermediate values');
  }
  if (r.offset > end) throw r.bad('expression runs over its end');
  if (pieces.length > 0) return { kind: 'pieces', pieces };
  return settle() ?? unsupported('an empty description');
}

/** Sums with constants keep their simple form; everything else becomes a tree. */
function combine(op: DwarfBinary, left: Item, right: Item): Item | undefined {
  if (op === 'plus' && left.kind === 'constant' && right.kind !== 'constant') return combine(op, right, left);
  if ((op === 'plus' || op === 'minus') && right.kind === 'constant') {
    const addend = op === 'plus' ? right.value : -right.value;
    switch (left.kind) {
      case 'constant':
        return { kind: 'constant', value: BigInt.asIntN(64, left.value + addend) };
      case 'register':
        return { kind: 'register', register: left.register, addend: BigInt.asIntN(64, left.addend + addend) };
      case 'address':
        return { kind: 'address', section: left.section, offset: left.offset + Number(addend) };
      case 'tree':
    }
  }
  const a = treeOf(left);
  const b = treeOf(right);
  if (!a || !b || a.nodes + b.nodes + 1 > NODES_MAX) return undefined;
  return { kind: 'tree', tree: { op, left: a.tree, right: b.tree }, nodes: a.nodes + b.nodes + 1 };
}

function unary(
  op: number,
  item: Item,
  sizeBytes: number,
  base: { readonly sizeBytes: number; readonly signed: boolean } | undefined,
): Item | undefined {
  const of = treeOf(item);
  if (!of || of.nodes + 1 > NODES_MAX) return undefined;
  const made = (tree: DwarfExpression): Item => ({ kind: 'tree', tree, nodes: of.nodes + 1 });
  switch (op) {
    case OP.neg:
      return made({ op: 'neg', of: of.tree });
    case OP.not:
      return made({ op: 'not', of: of.tree });
    case OP.convert:
      return base && base.sizeBytes >= 1 && base.sizeBytes <= 8
        ? made({ op: 'extend', bits: 8 * base.sizeBytes, signed: base.signed, of: of.tree })
        : undefined;
    default:
      return sizeBytes >= 1 && sizeBytes <= 8 ? made({ op: 'load', sizeBytes, of: of.tree }) : undefined;
  }
}

function treeOf(item: Item): { readonly tree: DwarfExpression; readonly nodes: number } | undefined {
  switch (item.kind) {
    case 'constant':
      return { tree: { op: 'constant', value: BigInt.asUintN(64, item.value) }, nodes: 1 };
    case 'register': {
      const register: DwarfExpression = { op: 'register', register: item.register };
      if (item.addend === 0n) return { tree: register, nodes: 1 };
      return {
        tree: {
          op: 'plus',
          left: register,
          right: { op: 'constant', value: BigInt.asUintN(64, item.addend) },
        },
        nodes: 3,
      };
    }
    case 'tree':
      return item;
    case 'address':
      return undefined;
  }
}
