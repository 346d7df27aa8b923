/**
 * Who keeps what alive: references on programs and maps, and grace periods. A grace period ends when every reader that
 * was there at its beginning has finished, and not a step later: whatever would be wrong after a longer one is wrong
 * after the shortest one too.
 *
 * A program holds its maps; a timer whose callback is set holds its program; an outer map holds its inner maps; timers
 * hold no map. A map's memory goes with its last reference of any kind.
 */
import { has } from '../spec/profile';
import { familyOf } from '../maps/maps';
import { isMapOfMaps } from '../maps/mapInMap';
import { assert } from '../util/assert';
import type { Kernel } from './kernel';
import type { GraceWork, ReaderKind } from './state';
import { defer } from './workers';

/** Does `work` when all readers of now have finished. @param tasks also wait for sleepable programs. */
export function afterGrace(kernel: Kernel, work: GraceWork, tasks = false): void {
  const isAwaited = (reader: ReaderKind): boolean => reader === 'rcu' || (tasks && reader === 'trace');
  kernel.touch('readers', 0, true);
  const waitsFor = kernel.state.cpus.flatMap((cpu) =>
    cpu.contexts.filter((c) => isAwaited(c.reader)).map((c) => c.serial),
  );
  if (waitsFor.length === 0) graceOver(kernel, work);
  else kernel.state.grace.push({ work, waitsFor });
}

/** A context has ended: grace periods that waited for nobody else are over. */
export function readerEnded(kernel: Kernel, serial: number): void {
  const { grace } = kernel.state;
  if (grace.length > 0) kernel.touch('readers', 0, true);
  for (let i = 0; i < grace.length; i++) {
    const { waitsFor, work } = grace[i];
    const at = waitsFor.indexOf(serial);
    if (at < 0) continue;
    waitsFor.splice(at, 1);
    if (waitsFor.length > 0) continue;
    grace.splice(i--, 1);
    graceOver(kernel, work);
  }
}

function graceOver(kernel: Kernel, work: GraceWork): void {
  switch (work.kind) {
    case 'map':
      kernel.mapReferences(work.map, true).freed = true;
      if (isMapOfMaps(kernel.map(work.map).definition)) countInnerMaps(kernel);
      return;
    case 'programMemory':
      kernel.touch('program', work.program, true);
      kernel.state.programs[work.program].freed = true;
      return;
    case 'element':
      kernel.state.returned.push(work.value);
      return;
    default:
      defer(kernel, work);
  }
}

/** Takes a reference on a program; false when its last one is gone. */
export function getProgram(kernel: Kernel, id: number): boolean {
  const program = kernel.state.programs[id];
  // Two that take a reference may come in either order; who drops one may drop the last.
  kernel.touch('program', id, false);
  if (program.references === 0) return false;
  program.references++;
  return true;
}

/** Whether whatever runs on the current CPU must not sleep because interrupts are off. */
function isAtomic(kernel: Kernel): boolean {
  const { here } = kernel;
  const kind = here.contexts.at(-1)?.kind;
  return here.irqsOff > 0 || kind === 'hardirq' || kind === 'nmi';
}

export function putProgram(kernel: Kernel, id: number): void {
  const program = kernel.state.programs[id];
  kernel.touch('program', id, true);
  if (program.references <= 0) {
    kernel.broken ??= `a reference on program ${program.name} is dropped twice: its count falls below zero`;
    return;
  }
  if (--program.references > 0) return;
  if (!isAtomic(kernel)) return takeDownProgram(kernel, id);
  if (has(kernel.profile, 'programPutDeferred')) defer(kernel, { kind: 'program', program: id });
  else
    kernel.broken ??= `sleeping while atomic: the last reference on program ${program.name} is dropped with interrupts off, and taking it down sleeps`;
}

/** Nobody can reach the program any more; its code goes when nobody runs it any more. */
export function takeDownProgram(kernel: Kernel, id: number): void {
  const program = kernel.state.programs[id];
  assert(program.references === 0, `${program.name} still has references`);
  afterGrace(kernel, { kind: 'programMemory', program: id }, kernel.programs[id].sleepable);
  for (const map of program.maps) {
    kernel.mapReferences(map, true).programs--;
    freeUnusedMap(kernel, map);
  }
}

/** Frees a map that nothing refers to any more: no fd, no pin, no program, no outer map. */
export function freeUnusedMap(kernel: Kernel, id: number): void {
  const { users, programs, outer } = kernel.mapReferences(id);
  if (users === 0 && programs === 0 && outer === 0) afterGrace(kernel, { kind: 'map', map: id }, true);
}

/** Counts anew which maps outer maps hold; user space has changed one, or one is gone. */
export function countInnerMaps(kernel: Kernel): void {
  kernel.touch('everything', 0, true);
  const counts = new Map<number, number>();
  for (const [id, outer] of kernel.maps) {
    if (!isMapOfMaps(outer.definition) || kernel.mapReferences(id).freed) continue;
    for (const entry of familyOf(outer).entries(kernel, outer, 0, Number.MAX_SAFE_INTEGER)) {
      const inner = entry.values[0][0] | (entry.values[0][1] << 8);
      counts.set(inner, (counts.get(inner) ?? 0) + 1);
    }
  }
  for (const id of kernel.maps.keys()) {
    const references = kernel.mapReferences(id);
    const before = references.outer;
    references.outer = counts.get(id) ?? 0;
    if (before > 0 && references.outer === 0) freeUnusedMap(kernel, id);
  }
}
