/**
 * What a callback finds in its registers at entry, per helper that takes one: timers (later, in a state of its own),
 * bpf_loop, bpf_for_each_map_elem (at once, any number of times). Frames and exploration are the engine's.
 * Evidence: fixtures `callback-*`, `timer-*`; facts on entry state measured on 6.1, 6.12 and 7.2.
 */
import type { HelperName } from '../spec/helpers';
import { assert } from '../util/assert';
import { enterCallback, noteLoopCall, pushAsyncCallback, type CalleeSetup } from './callStack';
import { findType } from '../btf/query';
import { hasFeature, newId, reject, unknown, type VerifierEnv } from './env';
import type { FuncFrame } from './frame';
import type { Call } from './helperArguments';
import { mapInfo } from './mapRules';
import { EINVAL, ENOTSUPP } from './outcome';
import { markPrecise } from './precision';
import { NOT_INIT, pointer, UNKNOWN_SCALAR } from './regState';
import { constDynptr } from './stackObjects';

const BOOL = { min: 0, max: 1 } as const;

/** R1 the map, R2 a pointer to the key, R3 to the value; offsets are zero, nothing can be NULL. */
const mapElement =
  (r4: (caller: FuncFrame) => FuncFrame['regs'][number], regno = 1): CalleeSetup =>
  (_env, caller, callee) => {
    const from = caller.regs[regno];
    assert(from.map !== null, 'the callback is about a map');
    const of = { map: from.map, mapUid: from.mapUid };
    callee.regs[1] = from.type === 'mapPtr' ? from : pointer('mapPtr', of);
    callee.regs[2] = pointer('mapKey', of);
    callee.regs[3] = pointer('mapValue', of);
    callee.regs[4] = r4(caller);
    callee.regs[5] = NOT_INIT;
  };

/** Entry of a callback that gets the map, key and value that register `regno` of the caller is about, and nothing else. */
export const mapElementEntry = (regno: number): CalleeSetup => mapElement(() => NOT_INIT, regno);

const timerEntry = mapElement(() => NOT_INIT);
const forEachEntry = mapElement((caller) => caller.regs[3]);

const loopEntry: CalleeSetup = (_env, caller, callee) => {
  callee.regs[1] = UNKNOWN_SCALAR;
  callee.regs[2] = caller.regs[3];
  callee.regs[3] = NOT_INIT;
  callee.regs[4] = NOT_INIT;
  callee.regs[5] = NOT_INIT;
};

/** R1 the task, R2 the area that holds the address, R3 the program's own pointer. */
const vmaEntry: CalleeSetup = (env, caller, callee) => {
  const btf = env.kernelBtf;
  const btfId = btf === undefined ? 0 : findType(btf, 'vm_area_struct', 'struct');
  if (btfId === 0) return unknown(env, 'kernel type information (struct vm_area_struct)');
  callee.regs[1] = caller.regs[1];
  callee.regs[2] = pointer('btfId', { btfId, btfOf: 'kernel' });
  callee.regs[3] = caller.regs[4];
  callee.regs[4] = NOT_INIT;
  callee.regs[5] = NOT_INIT;
};

/** R1 a dynptr that the kernel owns, R2 the program's own pointer. */
const drainEntry: CalleeSetup = (env, caller, callee) => {
  callee.regs[1] = constDynptr(hasFeature(env, 'dynptrSlotsTracked') ? newId(env) : 0);
  callee.regs[2] = caller.regs[3];
  callee.regs[3] = NOT_INIT;
  callee.regs[4] = NOT_INIT;
  callee.regs[5] = NOT_INIT;
};

type CallbackRule = (env: VerifierEnv, insnIdx: number, call: Call, caller: FuncFrame) => void;

/** Helpers that take a callback; the others never get here. */
export const CALLBACK_RULES: Readonly<Partial<Record<HelperName, CallbackRule>>> = {
  bpf_timer_set_callback: (env, insnIdx, call) => {
    pushAsyncCallback(env, insnIdx, call.subprog, timerEntry, {
      sleepable: false,
      returnRange: { min: 0, max: 0 },
    });
  },
  bpf_for_each_map_elem: (env, insnIdx, call) => {
    const map = call.map?.map;
    assert(map !== undefined, 'bpf_for_each_map_elem has a map');
    const aux = env.aux[insnIdx];
    if (aux.mapOfCall !== null && aux.mapOfCall !== map && !hasFeature(env, 'callbackMapsTogether')) {
      reject(env, {
        code: 'callback-map-varies',
        category: 'Call Type Safety',
        errno: EINVAL,
        message: 'tail_call abusing map_ptr',
        registers: [1],
        facts: { map: map.name },
      });
    }
    aux.mapOfCall = map;
    const { family } = mapInfo(env, map).row;
    if (family !== 'array' && family !== 'hash' && family !== 'lru') {
      reject(env, {
        code: 'callback-map-type',
        category: 'Call Type Safety',
        errno: ENOTSUPP,
        message: 'callback function not allowed for map',
        registers: [1],
        facts: { map: map.name, mapType: map.type },
      });
    }
    enterCallback(env, insnIdx, call.subprog, forEachEntry, { returnRange: BOOL, name: call.row.name });
  },
  bpf_loop: (env, insnIdx, call, caller) => {
    noteLoopCall(env, insnIdx, call.subprog);
    if (hasFeature(env, 'callbacksIterated')) {
      // whether another round is possible depends on the count, so its exact bounds matter
      markPrecise(env, 1);
      if (BigInt(caller.callbackDepth) >= caller.regs[1].umax) {
        caller.callbackDepth = 0;
        return;
      }
    }
    enterCallback(env, insnIdx, call.subprog, loopEntry, { returnRange: BOOL, name: call.row.name });
  },
  bpf_find_vma: (env, insnIdx, call) => {
    enterCallback(env, insnIdx, call.subprog, vmaEntry, { returnRange: BOOL, name: call.row.name });
  },
  bpf_user_ringbuf_drain: (env, insnIdx, call) => {
    enterCallback(env, insnIdx, call.subprog, drainEntry, { returnRange: BOOL, name: call.row.name });
  },
};
