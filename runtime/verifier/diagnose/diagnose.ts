/**
 * One refusal, explained: why (about the user's program), how the path got there, what to do. Never a cascade: the
 * kernel stops at the first refusal and so does this.
 */
import type { VerifierEnv } from '../env';
import type { Rejection, RejectionData } from '../outcome';
import { pathTo } from '../provenance';
import type { RegState } from '../regState';
import type { CausalStep, Diagnostic } from '../verdict';
import { calleeAt, wayOf } from './causalPath';
import { explanationOf, type Scene } from './explanations';
import { describe, functionAt } from './names';
import { causesOf } from './causes';
import { sceneFacts } from './sceneFacts';
import { traceBack, type Cause, type Way } from './way';

const CALL = 0x85;

function firstRegister(env: VerifierEnv, data: RejectionData): RegState | undefined {
  const regno = data.registers?.[0];
  const { frames } = env.cur;
  return regno === undefined ? undefined : frames[frames.length - 1]?.regs[regno];
}

/** Whether the callback that begins at a slot is registered with a timer, not with other deferred work. */
function isOfTimer(env: VerifierEnv, start: number): boolean {
  for (const [slot, reference] of env.program.references) {
    if (reference.kind !== 'subprog' || reference.target !== start) continue;
    const call = env.insns.findIndex((insn, at) => at > slot && insn.code === CALL);
    if (call >= 0 && calleeAt(env, call) === 'bpf_timer_set_callback') return true;
  }
  return false;
}

/** How the path came into a callback that runs later, which starts with registers of its own. */
function callbackEntry(env: VerifierEnv, way: Way): Cause[] {
  const frame = env.cur.frames[0];
  if (frame === undefined || !frame.inAsyncCallback) return [];
  const { start } = env.subprogs[frame.subprog];
  const [caller, field] = isOfTimer(env, start) ? ['timer', 'timer'] : ['kernel', 'work'];
  return [
    {
      at: way.steps.findIndex((step) => step.insnIdx === start),
      text: `the ${caller} calls ${functionAt(env, start)}() with the map, the key and the value that holds the ${field}`,
    },
  ].filter(({ at }) => at >= 0);
}

/** Explains a rejection while the state that was refused is still in `env.cur`. */
export function explain(env: VerifierEnv, rejection: Rejection): Diagnostic {
  const { data } = rejection;
  const insn = data.insn ?? env.insnIdx;
  const path = insn < 0 ? [] : pathTo(env);
  const way = wayOf(env, path);
  const reg = insn < 0 ? undefined : firstRegister(env, data);
  const traces = path.length === 0 ? [] : (data.registers ?? []).map((regno) => traceBack(way, regno));
  const derived = sceneFacts(env, data, insn, reg, way, traces[0]);
  const scene: Scene = {
    env,
    data,
    insn,
    what: reg === undefined ? '' : describe(reg),
    fact: (name) => String(data.facts?.[name] ?? derived[name] ?? ''),
  };
  const explanation = explanationOf(scene);
  const toStep = ({ at, text }: Cause): CausalStep => ({ insn: path[at].insnIdx, text });
  return {
    category: data.category,
    code: data.code,
    insn,
    registers: data.registers ?? [],
    message: data.message,
    reason: explanation.reason,
    causalPath:
      path.length === 0
        ? []
        : causesOf(way, data.code, traces, acquiredAt(data, way), callbackEntry(env, way)).map(toStep),
    suggestion: explanation.suggestion,
  };
}

/** Step of the way at which what was forgotten had been acquired; -1 for none. */
function acquiredAt(data: RejectionData, way: Way): number {
  const slot = data.facts?.allocInsn;
  return way.steps.findLastIndex((step) => step.insnIdx === slot);
}
