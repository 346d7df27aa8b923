/** Helpers that work on maps: lookup, update, delete, push, pop, peek, for_each. */
import { ERRNO } from '../spec/errno';
import type { MapOutcome } from '../maps/bpfMap';
import type { MapRecord } from '../maps/mapFamily';
import { familyOf } from '../maps/maps';
import { mapAddress, memoryAddress } from '../vm/addresses';
import { startOp } from '../kernel/activations';
import { walkOf } from '../kernel/callbackOps';
import type { Kernel } from '../kernel/kernel';
import { mapError, mapWriteOp, needsSteps } from '../kernel/mapOps';
import { freeingOf } from '../kernel/timerFree';
import {
  functionArg,
  mapArg,
  memoryArg,
  u32Arg,
  value,
  type HelperCall,
  type HelperHandler,
  type HelperResult,
} from './protocol';

/** Ends a map operation: frees what left the map first if that has timers. */
export function afterOutcome(kernel: Kernel, map: MapRecord, outcome: MapOutcome): HelperResult {
  const result = mapError(kernel, outcome.error);
  const op = freeingOf(kernel, map, outcome, result);
  if (op !== undefined) return { kind: 'enter', op };
  return value(result);
}

const keyArg = (call: HelperCall, map: MapRecord): number => memoryArg(call, 1, map.definition.keySizeBytes);

/** What a lookup's value is for a program: memory, or for map-in-map the inner map. */
export function lookupResult(map: MapRecord, found: number): HelperResult {
  if (found === 0) return value(0);
  const holdsMaps = map.definition.type.endsWith('_OF_MAPS');
  return value(holdsMaps ? mapAddress(found) : memoryAddress(found));
}

/** Maps of sockets, into which a program puts a pointer to one. */
const HOLD_SOCKETS = ['BPF_MAP_TYPE_SOCKMAP', 'BPF_MAP_TYPE_SOCKHASH'];

function updateElem(call: HelperCall): HelperResult {
  const map = mapArg(call, 0);
  // The only socket there can be, that of a test run, is of no protocol.
  if (HOLD_SOCKETS.includes(map.definition.type))
    return value(mapError(call.kernel, call.args[2] === 0n ? -ERRNO.EINVAL : -ERRNO.EOPNOTSUPP));
  const at = memoryArg(call, 2, map.definition.valueSizeBytes);
  const key = keyArg(call, map);
  if (needsSteps(call.kernel, map, key, 'update', call.args[3]))
    return {
      kind: 'enter',
      op: mapWriteOp(map, 'update', { key, value: at, flags: call.args[3], scratchBytes: 0 }),
    };
  const outcome = familyOf(map).update(call.kernel, map, key, at, call.args[3]);
  return afterOutcome(call.kernel, map, outcome);
}

function queueValue(call: HelperCall, write: boolean): { map: MapRecord; at: number } {
  const map = mapArg(call, 0);
  return { map, at: memoryArg(call, 1, map.definition.valueSizeBytes, write) };
}

function forEach(call: HelperCall): HelperResult {
  const { kernel } = call;
  if (call.args[3] !== 0n) return value(mapError(kernel, -ERRNO.EINVAL));
  const map = mapArg(call, 0);
  const { program, insnIdx } = functionArg(call, 1);
  return {
    kind: 'enter',
    op: startOp('forEach', {
      map: map.definition.id,
      values: walkOf(kernel, map.definition.id),
      done: 0,
      program,
      insnIdx,
      context: call.args[2],
      keyBuffer: kernel.here.keyScratch + 8,
    }),
  };
}

/** XDP actions that may stand in the flags for the case that the place is empty. */
const ACTIONS = 3n;
const BROADCAST = 8n;
const EXCLUDE_INGRESS = 16n;
const XDP_ABORTED = 0;
const XDP_REDIRECT = 4;

function redirectMap(call: HelperCall): HelperResult {
  const map = mapArg(call, 0);
  const flags = call.args[2];
  const toMany = map.definition.type.startsWith('BPF_MAP_TYPE_DEVMAP');
  if ((flags & ~(toMany ? ACTIONS | BROADCAST | EXCLUDE_INGRESS : ACTIONS)) !== 0n) return value(XDP_ABORTED);
  const { memory } = call.kernel;
  const key = memory.allocate(8);
  memory.store32(key, u32Arg(call, 1));
  const found = familyOf(map).lookup(call.kernel, map, key);
  memory.release(key, 8);
  if (found === 0 && (flags & BROADCAST) === 0n) return value(flags & ACTIONS);
  call.packets.note(`redirect through map ${map.definition.name}`);
  return value(XDP_REDIRECT);
}

export const mapHelpers = {
  bpf_map_lookup_elem: (call) => {
    const map = mapArg(call, 0);
    return lookupResult(map, familyOf(map).lookup(call.kernel, map, keyArg(call, map)));
  },
  bpf_map_update_elem: updateElem,
  bpf_map_delete_elem: (call) => {
    const map = mapArg(call, 0);
    const key = keyArg(call, map);
    if (needsSteps(call.kernel, map, key, 'delete', 0n))
      return { kind: 'enter', op: mapWriteOp(map, 'delete', { key, value: 0, flags: 0n, scratchBytes: 0 }) };
    return afterOutcome(call.kernel, map, familyOf(map).delete(call.kernel, map, key));
  },
  bpf_map_push_elem: (call) => {
    const { map, at } = queueValue(call, false);
    const error = familyOf(map).push?.(call.kernel, map, at, call.args[2]) ?? -ERRNO.EOPNOTSUPP;
    return value(mapError(call.kernel, error));
  },
  bpf_map_pop_elem: (call) => {
    const { map, at } = queueValue(call, true);
    return value(mapError(call.kernel, familyOf(map).pop?.(call.kernel, map, at) ?? -ERRNO.EOPNOTSUPP));
  },
  bpf_map_peek_elem: (call) => {
    const { map, at } = queueValue(call, true);
    return value(mapError(call.kernel, familyOf(map).peek?.(call.kernel, map, at) ?? -ERRNO.EOPNOTSUPP));
  },
  bpf_map_lookup_percpu_elem: (call) => {
    const map = mapArg(call, 0);
    const cpu = u32Arg(call, 2);
    if (cpu >= call.kernel.cpuCount) return value(0);
    return lookupResult(map, familyOf(map).lookupOnCpu?.(call.kernel, map, keyArg(call, map), cpu) ?? 0);
  },
  bpf_for_each_map_elem: forEach,
  bpf_redirect_map: redirectMap,
} satisfies Record<string, HelperHandler>;
