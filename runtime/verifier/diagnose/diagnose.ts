/**
 * One refusal, explained: why (about the user's program), how the path got there, what to do. Never a cascade: the
 * kernel stops at the first refusal and so does this.
 */
import type { VerifierEnv } from '../env';
import type { Rejection, RejectionData } from '../outcome';
import { pathTo, type PathStep } from '../provenance';
import type { RegState } from '../regState';
import type { CausalStep, Diagnostic } from '../verdict';
import { causalPath, lastCallOf } from './causalPath';
import { EXPLANATIONS, generic, type Scene } from './explanations';
import { describe, functionAt } from './names';

/** Codes that are about a held lock: the path shows where it was taken. */
const ABOUT_LOCK = new Set([
  'call-under-lock',
  'two-locks',
  'unlock-of-other-lock',
  'lock-not-released',
  'tail-call-under-lock',
]);

function firstRegister(env: VerifierEnv, data: RejectionData): RegState | undefined {
  const regno = data.registers?.[0];
  const { frames } = env.cur;
  return regno === undefined ? undefined : frames[frames.length - 1]?.regs[regno];
}

/** How the path came into a timer callback, which starts with registers of its own. */
function callbackEntry(env: VerifierEnv, path: readonly PathStep[]): CausalStep[] {
  const frame = env.cur.frames[0];
  if (frame === undefined || !frame.inAsyncCallback) return [];
  const entry = path[0]?.insnIdx ?? -1;
  if (entry < 0) return [];
  return [
    {
      insn: env.subprogs[frame.subprog]?.start ?? entry,
      text: `the timer calls ${functionAt(env, env.subprogs[frame.subprog]?.start ?? entry)}() with the map, the key and the value that holds the timer`,
    },
  ];
}

function steps(env: VerifierEnv, data: RejectionData, path: readonly PathStep[]): CausalStep[] {
  const found: CausalStep[] = [];
  for (const regno of data.registers ?? []) {
    for (const step of causalPath(env, path, regno)) {
      if (!found.some((old) => old.insn === step.insn && old.text === step.text)) found.push(step);
    }
  }
  if (ABOUT_LOCK.has(data.code)) {
    const at = lastCallOf(env, path, 'bpf_spin_lock');
    if (at >= 0) found.push({ insn: at, text: 'the lock was taken here' });
  }
  const order = new Map(path.map((step, n) => [step.insnIdx, n]));
  found.push(...callbackEntry(env, path));
  const acquired = data.facts?.allocInsn;
  if (typeof acquired === 'number') found.push({ insn: acquired, text: 'acquired here' });
  return found.sort((a, b) => (order.get(a.insn) ?? 0) - (order.get(b.insn) ?? 0));
}

/** Explains a rejection while the state that was refused is still in `env.cur`. */
export function explain(env: VerifierEnv, rejection: Rejection): Diagnostic {
  const { data } = rejection;
  const insn = data.insn ?? env.insnIdx;
  const path = insn < 0 ? [] : pathTo(env);
  const reg = insn < 0 ? undefined : firstRegister(env, data);
  const scene: Scene = {
    env,
    data,
    insn,
    what: reg === undefined ? '' : describe(reg),
    fact: (name) => String(data.facts?.[name] ?? ''),
  };
  const explanation = (EXPLANATIONS[data.code] ?? generic)(scene);
  return {
    category: data.category,
    code: data.code,
    insn,
    registers: data.registers ?? [],
    message: data.message,
    reason: explanation.reason,
    causalPath: insn < 0 ? [] : steps(env, data, path),
    suggestion: explanation.suggestion,
  };
}
