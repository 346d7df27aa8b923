/**
 * How the refused register got its value: walked backwards over the instructions of the path, through copies, spills,
 * calls and returns, up to where the value came from; with the conditions on the way that were about it.
 *
 * Works on the recorded path alone, so it can say where a value came from, never what else it might have been.
 */
import { helperById } from '../../spec/helpers';
import type { Insn } from '../../insn/insn';
import type { VerifierEnv } from '../env';
import type { PathStep } from '../provenance';
import type { CausalStep } from '../verdict';
import { functionAt, sourceText } from './names';

/** Steps shown at most. */
const MAX_STEPS = 8;
const CLASS = 7;
const LD = 0;
const LDX = 1;
const ST = 2;
const STX = 3;
const ALU = 4;
const JMP = 5;
const JMP32 = 6;
const ALU64 = 7;
const CALL = 0x85;
const EXIT = 0x95;
const MEMORY_MODES = 0xe0;
const MEM = 0x60;
const MEMSX = 0x80;

const isCall = (insn: Insn): boolean => insn.code === CALL;
const isLocalCall = (insn: Insn): boolean => isCall(insn) && insn.src === 1;

/** A value being followed: a register, or a stack slot of the current function. */
type Tracked = { readonly reg: number } | { readonly slot: number };

interface Walk {
  readonly env: VerifierEnv;
  readonly steps: CausalStep[];
  tracked: Tracked | null;
}

function say(walk: Walk, insn: number, text: string): void {
  walk.steps.push({ insn, text });
}

/** The map that an instruction near the call put into a register, by looking back along the path. */
function mapArgument(
  env: VerifierEnv,
  path: readonly PathStep[],
  at: number,
  reg: number,
): string | undefined {
  let wanted = reg;
  for (let n = at - 1; n >= 0 && n > at - 64; n--) {
    const { insnIdx } = path[n];
    const insn = env.insns[insnIdx];
    const cls = insn.code & CLASS;
    if (isCall(insn) && wanted <= 5) return undefined;
    if (insn.dst !== wanted || cls === ST || cls === STX || cls === JMP || cls === JMP32) continue;
    if (insn.code === 0xbf) wanted = insn.src;
    else if (insn.code === 0x18) {
      const reference = env.program.references.get(insnIdx);
      return reference?.kind === 'map' ? env.maps[reference.map].name : undefined;
    } else return undefined;
  }
  return undefined;
}

function explainCall(walk: Walk, path: readonly PathStep[], at: number): void {
  const { env } = walk;
  const { insnIdx } = path[at];
  const insn = env.insns[insnIdx];
  const name = insn.src === 0 ? (helperById(insn.imm)?.name ?? `helper ${insn.imm}`) : 'a kernel function';
  const map = mapArgument(env, path, at, 1);
  if (name === 'bpf_map_lookup_elem') {
    say(
      walk,
      insnIdx,
      `looked up ${map === undefined ? 'a map' : `in map '${map}'`} here; the result is NULL when there is no such element`,
    );
  } else if (name === 'bpf_ringbuf_reserve') {
    say(walk, insnIdx, 'reserved a ring buffer record here; the result is NULL when the buffer is full');
  } else {
    say(walk, insnIdx, `${name} returned it here`);
  }
}

const CONDITIONS: Readonly<Record<number, string>> = {
  0x10: '==',
  0x20: '>',
  0x30: '>=',
  0x40: '&',
  0x50: '!=',
  0x60: 'signed >',
  0x70: 'signed >=',
  0xa0: '<',
  0xb0: '<=',
  0xc0: 'signed <',
  0xd0: 'signed <=',
};

function conditionText(env: VerifierEnv, step: PathStep): string {
  const insn = env.insns[step.insnIdx];
  const text = sourceText(env, step.insnIdx);
  const right = (insn.code & 8) !== 0 ? `r${insn.src}` : String(insn.imm);
  const condition = `r${insn.dst} ${CONDITIONS[insn.code & 0xf0] ?? '?'} ${right}`;
  const outcome = step.taken === true ? 'true' : step.taken === false ? 'false' : 'tested';
  return text === '' ? `${condition} was ${outcome}` : `'${text}': ${condition} was ${outcome}`;
}

/** One instruction of the path, seen from behind. Sets `walk.tracked` to null when the origin is found. */
function stepBack(walk: Walk, path: readonly PathStep[], at: number): void {
  const { env, tracked } = walk;
  if (tracked === null) return;
  const step = path[at];
  const insn = env.insns[step.insnIdx];
  const cls = insn.code & CLASS;
  if ('slot' in tracked) {
    const store = (cls === STX || cls === ST) && insn.dst === 10 && insn.off === tracked.slot;
    if (!store) return;
    if (cls === STX) {
      say(walk, step.insnIdx, 'kept on the stack here');
      walk.tracked = { reg: insn.src };
    } else {
      say(walk, step.insnIdx, `the constant ${insn.imm} was stored here`);
      walk.tracked = null;
    }
    return;
  }
  const { reg } = tracked;
  if (isCall(insn) && !isLocalCall(insn)) {
    if (reg === 0) {
      explainCall(walk, path, at);
      walk.tracked = null;
    } else if (reg <= 5) {
      say(walk, step.insnIdx, `this call left R${reg} undefined`);
      walk.tracked = null;
    }
    return;
  }
  if (cls === JMP || cls === JMP32) {
    const about = insn.dst === reg || ((insn.code & 8) !== 0 && insn.src === reg);
    if ((insn.code & 0xf0) !== 0 && !isCall(insn) && insn.code !== EXIT && about) {
      say(walk, step.insnIdx, conditionText(env, step));
    }
    return;
  }
  if (insn.dst !== reg || cls === ST || cls === STX) return;
  if (cls === ALU || cls === ALU64) {
    const op = insn.code & 0xf0;
    if (op === 0xb0) {
      if ((insn.code & 8) !== 0) walk.tracked = { reg: insn.src };
      else {
        say(walk, step.insnIdx, `set to ${insn.imm} here`);
        walk.tracked = null;
      }
      return;
    }
    const text = sourceText(env, step.insnIdx);
    say(walk, step.insnIdx, text === '' ? 'changed here' : `computed here: '${text}'`);
    return;
  }
  if (cls === LD) {
    const reference = env.program.references.get(step.insnIdx);
    if (reference?.kind === 'map') say(walk, step.insnIdx, `this is map '${env.maps[reference.map].name}'`);
    else if (reference?.kind === 'mapValue')
      say(walk, step.insnIdx, `this is in global data ('${env.maps[reference.map].name}')`);
    else if (reference?.kind === 'subprog') say(walk, step.insnIdx, `this is ${reference.name}()`);
    walk.tracked = null;
    return;
  }
  if (cls === LDX) {
    const mode = insn.code & MEMORY_MODES;
    if (insn.src === 10 && mode === MEM) {
      walk.tracked = { slot: insn.off };
      return;
    }
    const text = sourceText(env, step.insnIdx);
    if (mode === MEM || mode === MEMSX)
      say(walk, step.insnIdx, text === '' ? 'read from memory here' : `read here: '${text}'`);
    walk.tracked = null;
  }
}

/** Where a local call of the path begins, going back from the return behind it. -1 if not found. */
function callOf(env: VerifierEnv, path: readonly PathStep[], exitAt: number): number {
  let depth = 0;
  for (let n = exitAt; n >= 0; n--) {
    const insn = env.insns[path[n].insnIdx];
    if (insn.code === EXIT) depth++;
    else if (isLocalCall(insn) && --depth === 0) return n;
  }
  return -1;
}

/**
 * The way of register `regno` to the refused instruction, oldest first. `path` ends with the refused instruction,
 * which is not explained itself.
 */
export function causalPath(env: VerifierEnv, path: readonly PathStep[], regno: number): CausalStep[] {
  const walk: Walk = { env, steps: [], tracked: { reg: regno } };
  for (let at = path.length - 2; at >= 0 && walk.tracked !== null && walk.steps.length < MAX_STEPS; at--) {
    const { insnIdx } = path[at];
    const insn = env.insns[insnIdx];
    if (insn.code === EXIT) {
      // behind a returned call: R0 came from inside, the rest passed it by
      const call = callOf(env, path, at);
      if (!('reg' in walk.tracked) || walk.tracked.reg !== 0) {
        if (call < 0) break;
        if ('reg' in walk.tracked && walk.tracked.reg <= 5) {
          say(walk, path[call].insnIdx, `this call left R${walk.tracked.reg} undefined`);
          break;
        }
        at = call;
      }
      continue;
    }
    if (isCall(insn) && insn.src === 0 && path[at + 1].insnIdx !== insnIdx + 1) {
      // the path left the call for a callback: its registers are made by the helper
      say(
        walk,
        insnIdx,
        `${helperById(insn.imm)?.name ?? 'the helper'} was given ${functionAt(env, path[at + 1].insnIdx)}() here`,
      );
      break;
    }
    if (isLocalCall(insn)) {
      // going back through the entry of the function
      if (!('reg' in walk.tracked) || walk.tracked.reg === 0 || walk.tracked.reg > 5) break;
      say(walk, insnIdx, `argument ${walk.tracked.reg} of ${functionAt(env, path[at + 1].insnIdx)}()`);
      continue;
    }
    stepBack(walk, path, at);
  }
  return walk.steps.reverse();
}

/** The newest call of a helper on the path, or -1. */
export function lastCallOf(env: VerifierEnv, path: readonly PathStep[], name: string): number {
  for (let n = path.length - 2; n >= 0; n--) {
    const insn = env.insns[path[n].insnIdx];
    if (isCall(insn) && insn.src === 0 && helperById(insn.imm)?.name === name) return path[n].insnIdx;
  }
  return -1;
}
