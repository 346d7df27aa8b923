/**
 * Helpers that call back into BPF (bpf_loop, bpf_for_each_map_elem, …) as operations: one callback per step, so that
 * breakpoints, interrupts and other CPUs find a place between them.
 */
import { familyOf } from '../maps/maps';
import { mapAddress, memoryAddress } from '../vm/addresses';
import { doneWith, type OpActivation, type StepResult } from './activations';
import type { Kernel } from './kernel';
import { insert, leftOf, rightOf, topOf } from './rbtree';

/** pc 0: call; pc 1: look at the callback's result. */
export function loopStep(_kernel: Kernel, op: OpActivation<'loop'>): StepResult {
  const l = op.locals;
  if (op.pc === 1) {
    l.done++;
    op.pc = 0;
    if (op.result !== 0n) return doneWith(l.done);
  }
  if (l.done >= l.count) return doneWith(l.done);
  op.pc = 1;
  return { kind: 'callBpf', program: l.program, insnIdx: l.insnIdx, args: [BigInt(l.done), l.context] };
}

export function forEachStep(kernel: Kernel, op: OpActivation<'forEach'>): StepResult {
  const l = op.locals;
  if (op.pc === 1) {
    l.done++;
    op.pc = 0;
    if (op.result !== 0n) return doneWith(l.done);
  }
  const next = l.values[l.done];
  if (next === undefined) return doneWith(l.done);
  op.pc = 1;
  let key = next.key;
  if (key === 0) {
    key = l.keyBuffer;
    kernel.memory.store32(key, next.index);
  }
  return {
    kind: 'callBpf',
    program: l.program,
    insnIdx: l.insnIdx,
    args: [mapAddress(l.map), memoryAddress(key), memoryAddress(next.value), l.context],
  };
}

/** The elements that a walk visits, as they are when it begins. */
export function walkOf(kernel: Kernel, mapId: number): { key: number; value: number; index: number }[] {
  const map = kernel.map(mapId);
  const family = familyOf(map);
  return family.entries(kernel, map, 0, Number.MAX_SAFE_INTEGER).map(({ valueRef }) => ({
    key: family.keyOffset(map, valueRef),
    value: valueRef,
    index: family.indexOf?.(map, valueRef) ?? 0,
  }));
}

export function callOnceStep(_kernel: Kernel, op: OpActivation<'callOnce'>): StepResult {
  if (op.pc === 1) return doneWith(op.result);
  op.pc = 1;
  const { program, insnIdx, args } = op.locals;
  return { kind: 'callBpf', program, insnIdx, args };
}

/** pc 0: compare with the node below, or settle; pc 1: look at the answer. */
export function rbtreeAddStep(kernel: Kernel, op: OpActivation<'rbtreeAdd'>): StepResult {
  const l = op.locals;
  const { memory } = kernel;
  if (op.pc === 1) {
    op.pc = 0;
    l.onLeft = (op.result & 0xffn) !== 0n;
  }
  let next = topOf(memory, l.root);
  if (l.parent !== 0) next = l.onLeft ? leftOf(memory, l.parent) : rightOf(memory, l.parent);
  if (next === 0) {
    insert(memory, l.root, l.parent, l.onLeft, l.node);
    return doneWith(0);
  }
  l.parent = next;
  op.pc = 1;
  return {
    kind: 'callBpf',
    program: l.program,
    insnIdx: l.insnIdx,
    args: [memoryAddress(l.node), memoryAddress(next)],
  };
}
