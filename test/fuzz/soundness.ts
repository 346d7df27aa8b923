/**
 * What we accept must not fault: runs accepted programs in the model with every access looked up, on packets, contexts and
 * map contents from a seed. A fault means that the verifier accepted too much, or that the model is wrong.
 */
import { rawObject, type RawProgram } from '../../runtime/loader/rawProgram';
import { Machine } from '../../runtime/machine/machine';
import type { Profile } from '../../runtime/spec/profile';
import { nextBelow, nextU32, seedPrng } from '../../runtime/util/prng';
import { judgeRaw } from './judge';

/** What the model says of helpers and functions that it does not implement. */
const NOT_MODELLED = / is not modelled/;
const RUNS = 3;
const BUDGET = 3_000_000;
const PASSING_NS = 2_000_000n;

export type Soundness =
  | { readonly kind: 'notAccepted' }
  /** The model does not implement something the program needs. */
  | { readonly kind: 'notRun'; readonly why: string }
  | { readonly kind: 'ran' }
  | { readonly kind: 'fault'; readonly message: string };

function randomPacket(seed: number): Uint8Array {
  const random = seedPrng(seed);
  return Uint8Array.from({ length: 14 + nextBelow(random, 100) }, () => nextU32(random) & 0xff);
}

/** Verifies and runs one program. */
export function tryProgram(raw: RawProgram, profile: Profile): Soundness {
  const verdict = judgeRaw(raw, profile);
  if (verdict instanceof Error) throw verdict;
  if (verdict.verdict !== 'accepted') return { kind: 'notAccepted' };
  const read = rawObject(raw);
  if (!read.ok) throw new Error(read.problem.message);
  for (let run = 0; run < RUNS; run++) {
    const seed = Number(raw.id ?? 0) * RUNS + run;
    const loaded = Machine.load(read.value.object, { profile, seed, checked: true, budget: BUDGET });
    if (!loaded.ok) return { kind: 'notRun', why: loaded.problem.message };
    const machine = loaded.value;
    machine.start(machine.programs[0], { packet: randomPacket(seed) });
    let stop = machine.runToEnd();
    if (stop.kind === 'idle') {
      machine.letTimePass(machine.nowNs() + PASSING_NS);
      stop = machine.runToEnd();
    }
    if (stop.kind === 'fault') {
      const { message } = stop;
      return NOT_MODELLED.test(message) ? { kind: 'notRun', why: message } : { kind: 'fault', message };
    }
    if (stop.kind === 'exhausted') return { kind: 'notRun', why: stop.message };
  }
  return { kind: 'ran' };
}
