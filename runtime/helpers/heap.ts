/**
 * Objects that programs allocate (bpf_obj_new and its relatives): where they lie, how many hold them, what is freed with
 * them. An object is preceded by a header in linear memory, so that snapshots need no record of it:
 *   -16 id of its type in the program's BTF (u32)   -12 size (u32)   -8 bytes from one CPU's copy to the next, 0 = one copy
 *   -4  holders (u32)
 * Bytes of a fresh object that no rule clears are zero here; in a kernel they are what was there before.
 */
import { findAllocatedFields, type SpecialField } from '../btf/specialFields';
import { typeById } from '../btf/query';
import type { Btf } from '../btf/types';
import { memoryAddress, offsetOf } from '../vm/addresses';
import { HelperFault, memoryArg, type HelperCall } from './protocol';

const HEADER_BYTES = 16;
const TYPE = -16;
const SIZE = -12;
const CPU_STRIDE = -8;
const HOLDERS = -4;

/** First words of a list head or tree root: its first and last node (list), its topmost node (tree); addresses. */
export const OWNED_FIRST = 0;

const round8 = (sizeBytes: number): number => (sizeBytes + 7) & ~7;

function typesOf(call: HelperCall): Btf {
  const { kernel } = call;
  const { btf } = kernel.programs[kernel.currentProgram()];
  if (btf === undefined) throw new HelperFault(`${call.name}: the program has no type information`);
  return btf;
}

/** A fresh object of a struct of the program. @returns its linear offset */
export function newObject(call: HelperCall, typeId: number, perCpu: boolean): number {
  const type = typeById(typesOf(call), typeId);
  if (type.kind !== 'struct') throw new HelperFault(`${call.name}: type ${typeId} is no struct`);
  const { memory } = call.kernel;
  const stride = round8(type.sizeBytes);
  const copies = perCpu ? call.kernel.cpuCount : 1;
  const start = memory.allocate(HEADER_BYTES + stride * copies);
  const object = start + HEADER_BYTES;
  memory.fill(start, HEADER_BYTES + stride * copies, 0);
  memory.store32(object + TYPE, typeId);
  memory.store32(object + SIZE, type.sizeBytes);
  memory.store32(object + CPU_STRIDE, perCpu ? stride : 0);
  memory.store32(object + HOLDERS, 1);
  memory.addRegion('scratch', object, stride * copies, `object of struct ${type.name}`);
  return object;
}

/** The object that holds the byte at `at`; 0: it lies in none. */
export function objectAround(call: HelperCall, at: number): number {
  const region = call.kernel.memory.findRegion(at);
  return region?.label.startsWith('object of struct ') === true && region.live ? region.start : 0;
}

export function objectArg(call: HelperCall, index: number): number {
  const at = memoryArg(call, index, 1);
  const object = objectAround(call, at);
  if (object === 0)
    throw new HelperFault(`${call.name}: argument ${index + 1} points to no allocated object`);
  return object;
}

const fieldsOf = (call: HelperCall, object: number): readonly SpecialField[] => {
  const { memory, profile } = call.kernel;
  return findAllocatedFields(typesOf(call), memory.load32(object + TYPE), profile).fields;
};

/** Address of the field of this kind in the object; 0: it has none. */
export function fieldOfObject(call: HelperCall, object: number, kind: SpecialField['kind']): number {
  const field = fieldsOf(call, object).find((f) => f.kind === kind);
  return field === undefined ? 0 : object + field.offset;
}

export function holdObject(call: HelperCall, object: number): void {
  const { memory } = call.kernel;
  memory.store32(object + HOLDERS, memory.load32(object + HOLDERS) + 1);
}

/** One holder lets go; the last one frees the object and lets go of what it owns. */
export function dropObject(call: HelperCall, first: number): void {
  const { memory } = call.kernel;
  const dropped = [first];
  for (let object = dropped.pop(); object !== undefined; object = dropped.pop()) {
    const holders = memory.load32(object + HOLDERS);
    if (holders > 1) {
      memory.store32(object + HOLDERS, holders - 1);
      continue;
    }
    for (const field of fieldsOf(call, object)) dropped.push(...owned(call, object + field.offset, field));
    const stride = memory.load32(object + CPU_STRIDE);
    const sizeBytes = stride === 0 ? round8(memory.load32(object + SIZE)) : stride * call.kernel.cpuCount;
    memory.endRegion(object);
    memory.release(object - HEADER_BYTES, HEADER_BYTES + sizeBytes);
  }
}

/** Objects that a field holds, taken out of it. */
function owned(call: HelperCall, at: number, field: SpecialField): number[] {
  const { memory } = call.kernel;
  if (!['kptr', 'listHead', 'rbRoot'].includes(field.kind)) return [];
  const found: number[] = [];
  const pending = [memory.load64(at)];
  memory.fill(at, field.sizeBytes, 0);
  while (pending.length > 0) {
    const address = pending.pop() ?? 0n;
    if (address === 0n) continue;
    const node = offsetOf(address);
    const object = objectAround(call, node);
    if (object === 0) continue;
    found.push(object);
    if (field.kind === 'kptr') continue;
    // Lists go on at the next node, trees at both children; the node belongs to nobody from now on.
    pending.push(memory.load64(node));
    if (field.kind === 'rbRoot') pending.push(memory.load64(node + 8));
    memory.fill(node, field.kind === 'rbRoot' ? 32 : 24, 0);
  }
  return found;
}

/** The copy of a per-CPU object that belongs to a CPU; 0: the pointer is none to such an object. */
export function copyOnCpu(call: HelperCall, address: bigint, cpu: number): bigint {
  const at = offsetOf(address);
  const object = objectAround(call, at);
  if (object === 0) return 0n;
  return memoryAddress(at + cpu * call.kernel.memory.load32(object + CPU_STRIDE));
}
