/**
 * Variables of a frame: which are in scope at a slot, where each one is there, and, when it is nowhere, why.
 *
 * A parameter without a location (compilers drop those of unused or early-dead arguments) is still in its register
 * between the function's entry and the first instruction that may change that register; it is shown for as long.
 */
import type { Btf } from '../btf/types';
import { resolvedType } from '../btf/query';
import type {
  DwarfBinary,
  DwarfExpression,
  DwarfFunction,
  DwarfLocation,
  DwarfVariable,
} from '../dwarf/types';
import type { Insn } from '../insn/insn';
import type { DebugTarget } from './target';
import { btfIdOf } from './dwarfTypes';
import { frameSizeOf } from './frameSize';
import { covers, type SourceMap } from './sourceMap';
import { absent, immediate, inMemory, readBytes, toUnsigned, type Value } from './values';

export interface FrameContext {
  readonly programId: number;
  readonly insnIdx: number;
  /** r0–r10 of the frame. */
  readonly registers: readonly (bigint | undefined)[];
}

export interface LocalVariable {
  readonly name: string;
  readonly kind: 'variable' | 'parameter';
  readonly value: Value;
}

/** @param depth how many inlined calls deep the frame is: 0 is the function itself. */
export function localsOf(
  target: DebugTarget,
  map: SourceMap,
  types: Btf,
  frame: FrameContext,
  depth: number,
): LocalVariable[] {
  const fn = map.dwarfFunction(frame.programId, frame.insnIdx);
  if (!fn) return argumentsFromBtf(target, map, frame);
  // The scopes that belong to this virtual frame: between its own inlined call and the next one inside.
  let level = 0;
  const lists: (readonly DwarfVariable[])[] = depth === 0 ? [fn.variables] : [];
  for (const scope of map.scopesAt(frame.programId, frame.insnIdx)) {
    if (scope.inlinedFrom) level++;
    if (level === depth) lists.push(scope.variables);
  }
  const seen = new Set<string>();
  const result: LocalVariable[] = [];
  // Inner declarations hide outer ones of the same name, and are listed first only within their own block.
  for (const list of lists.reverse()) {
    for (const variable of list) {
      if (variable.name === '' || variable.name.startsWith('____fmt') || seen.has(variable.name)) continue;
      seen.add(variable.name);
      result.push({
        name: variable.name,
        kind: variable.kind,
        value: valueOf(target, map, types, frame, fn, variable, depth === 0),
      });
    }
  }
  return result.sort((a, b) => Number(b.kind === 'parameter') - Number(a.kind === 'parameter'));
}

function valueOf(
  target: DebugTarget,
  map: SourceMap,
  types: Btf,
  frame: FrameContext,
  fn: DwarfFunction,
  variable: DwarfVariable,
  outermost: boolean,
): Value {
  const type = btfIdOf(variable.type);
  const address = map.addressOf(frame.programId, frame.insnIdx);
  const here = variable.locations.find(
    (l) => !l.range || (address !== undefined && covers([l.range], address.offset)),
  );
  if (here) return located(target, map, types, type, frame, here.where);
  if (variable.kind === 'parameter' && outermost) {
    const position = fn.variables.filter((v) => v.kind === 'parameter').indexOf(variable);
    const kept = entryRegister(map, types, frame, fn, position);
    if (kept !== undefined) return immediate(types, type, kept.value, kept.register);
  }
  return absent(
    types,
    type,
    variable.locations.length === 0
      ? 'optimised out: the compiler kept no copy of it'
      : 'not available here: the compiler keeps it only in other parts of the function',
  );
}

function located(
  target: DebugTarget,
  map: SourceMap,
  types: Btf,
  type: number,
  frame: FrameContext,
  where: DwarfLocation,
): Value {
  const lost = (register: number): Value =>
    absent(types, type, `kept in r${register}, which the called function has overwritten`);
  switch (where.kind) {
    case 'register': {
      const value = frame.registers[where.register];
      return value === undefined ? lost(where.register) : immediate(types, type, value, where.register);
    }
    case 'registerValue': {
      const value = frame.registers[where.register];
      return value === undefined ? lost(where.register) : immediate(types, type, value + where.addend);
    }
    case 'memory': {
      const base = frame.registers[where.register];
      if (base === undefined) return lost(where.register);
      let offset = where.offset;
      if (where.register === 10 && offset >= 0) {
        const spec = map.spec(frame.programId);
        const fn = map.function(frame.programId, frame.insnIdx);
        if (!spec || !fn) return absent(types, type, 'its function is not known');
        const next = spec.functions.find((f) => f.insnIdx > fn.insnIdx)?.insnIdx ?? spec.insns.length;
        offset -= frameSizeOf(spec.insns, fn.insnIdx, next);
      }
      return inMemory(types, type, base + BigInt(offset));
    }
    case 'constant':
      return immediate(types, type, where.value);
    case 'global': {
      const section = target.globalSection(where.section);
      return section
        ? inMemory(types, type, section.address + BigInt(where.offset))
        : absent(types, type, `it lies in ${where.section}, which is not loaded`);
    }
    case 'pieces':
      return assembled(target, map, types, type, frame, where.pieces);
    case 'computed': {
      const value = compute(target, frame, where.expression);
      if (typeof value === 'string') return absent(types, type, value);
      return where.result === 'value' ? immediate(types, type, value) : inMemory(types, type, value);
    }
    case 'unsupported':
      return absent(types, type, `not shown: its description needs ${where.why}`);
  }
}

/** @returns the number, or why there is none. */
function compute(target: DebugTarget, frame: FrameContext, e: DwarfExpression): bigint | string {
  switch (e.op) {
    case 'constant':
      return e.value;
    case 'register':
      return (
        frame.registers[e.register] ??
        `computed from r${e.register}, which the called function has overwritten`
      );
    case 'load': {
      const address = compute(target, frame, e.of);
      if (typeof address === 'string') return address;
      const bytes = target.readMemory(address, e.sizeBytes);
      return bytes ? toUnsigned(bytes) : 'computed from memory that is not readable';
    }
    case 'neg':
    case 'not':
    case 'extend': {
      const value = compute(target, frame, e.of);
      if (typeof value === 'string') return value;
      if (e.op === 'extend')
        return BigInt.asUintN(64, e.signed ? BigInt.asIntN(e.bits, value) : BigInt.asUintN(e.bits, value));
      return BigInt.asUintN(64, e.op === 'neg' ? -value : ~value);
    }
    default: {
      const left = compute(target, frame, e.left);
      if (typeof left === 'string') return left;
      const right = compute(target, frame, e.right);
      if (typeof right === 'string') return right;
      const value = arithmetic(e.op, left, right);
      return value === undefined ? 'computed by a division by zero' : BigInt.asUintN(64, value);
    }
  }
}

function arithmetic(op: DwarfBinary, left: bigint, right: bigint): bigint | undefined {
  const a = BigInt.asIntN(64, left);
  const b = BigInt.asIntN(64, right);
  const truth = (yes: boolean): bigint => (yes ? 1n : 0n);
  switch (op) {
    case 'and':
      return left & right;
    case 'or':
      return left | right;
    case 'xor':
      return left ^ right;
    case 'plus':
      return left + right;
    case 'minus':
      return left - right;
    case 'mul':
      return left * right;
    case 'div':
      return b === 0n ? undefined : a / b;
    case 'mod':
      return right === 0n ? undefined : left % right;
    case 'shl':
      return right > 63n ? 0n : left << right;
    case 'shr':
      return right > 63n ? 0n : left >> right;
    case 'shra':
      return a >> (right > 63n ? 63n : right);
    case 'eq':
      return truth(a === b);
    case 'ne':
      return truth(a !== b);
    case 'ge':
      return truth(a >= b);
    case 'gt':
      return truth(a > b);
    case 'le':
      return truth(a <= b);
    case 'lt':
      return truth(a < b);
  }
}

/** A value in several pieces is copied together; a missing piece makes the whole unknown from there on. */
function assembled(
  target: DebugTarget,
  map: SourceMap,
  types: Btf,
  type: number,
  frame: FrameContext,
  pieces: readonly { readonly sizeBits: number; readonly where?: DwarfLocation }[],
): Value {
  const bytes: number[] = [];
  for (const piece of pieces) {
    const sizeBytes = Math.ceil(piece.sizeBits / 8);
    const value = piece.where && located(target, map, types, type, frame, piece.where);
    const read = value && readBytes(target, value, sizeBytes);
    if (!read?.ok) return absent(types, type, 'optimised out in part: only some of its members are kept');
    bytes.push(...read.value);
  }
  return { types, type, storage: { kind: 'bytes', bytes: Uint8Array.from(bytes), offset: 0 } };
}

/** Value of the parameter's register if nothing between the function's entry and this slot can have changed it. */
function entryRegister(
  map: SourceMap,
  types: Btf,
  frame: FrameContext,
  fn: DwarfFunction,
  position: number,
): { value: bigint; register: number } | undefined {
  const register = position + 1;
  if (position < 0 || register > 5) return undefined;
  // A struct passed by value may take two registers, so later positions are unknown.
  for (const p of fn.variables.filter((v) => v.kind === 'parameter').slice(0, position))
    if (['struct', 'union', 'array'].includes(resolvedType(types, btfIdOf(p.type)).kind)) return undefined;
  const spec = map.spec(frame.programId);
  const entry = map.function(frame.programId, frame.insnIdx);
  const value = frame.registers[register];
  if (!spec || !entry || value === undefined) return undefined;
  return unchangedSince(spec.insns, entry.insnIdx, frame.insnIdx, register) ? { value, register } : undefined;
}

/** Conservative: no write, call or backward jump target between `from` and `at`. */
export function unchangedSince(insns: readonly Insn[], from: number, at: number, register: number): boolean {
  for (let i = from; i < at; i++) {
    const { code, dst, src } = insns[i];
    const cls = code & 7;
    if (code === 0x85 || code === 0x8d) return false;
    if ((cls === 1 || cls === 4 || cls === 7 || cls === 0) && dst === register) return false;
    // Atomic fetches write their source register.
    if (cls === 3 && (code & 0xe0) === 0xc0 && src === register) return false;
    if (code === 0x18) i++;
  }
  // Code behind may jump back into the stretch with the register changed.
  for (let i = at; i < insns.length; i++) {
    const { code, off } = insns[i];
    const jumps = (code & 7) === 5 || (code & 7) === 6;
    if (jumps && off < 0 && i + 1 + off >= from && i + 1 + off <= at) return false;
    if (code === 0x18) i++;
  }
  return true;
}

/** Without DWARF only a function's parameters are known, from BTF, while their registers still hold them. */
function argumentsFromBtf(target: DebugTarget, map: SourceMap, frame: FrameContext): LocalVariable[] {
  const types = target.object.btf;
  const fn = map.function(frame.programId, frame.insnIdx);
  const spec = map.spec(frame.programId);
  if (!types || !fn || !spec || fn.btfId === 0) return [];
  const func = types.types[fn.btfId];
  const proto = func.kind === 'func' ? types.types[func.type] : undefined;
  if (proto?.kind !== 'funcProto') return [];
  return proto.params.slice(0, 5).map((p, i) => {
    const value = frame.registers[i + 1];
    const kept = value !== undefined && unchangedSince(spec.insns, fn.insnIdx, frame.insnIdx, i + 1);
    return {
      name: p.name || `arg${i + 1}`,
      kind: 'parameter',
      value: kept
        ? immediate(types, p.type, value, i + 1)
        : absent(types, p.type, 'not known here: the object has no DWARF, build it with -g'),
    };
  });
}
