/**
 * Security hooks: which of them are closed to programs, where programs may sleep. Facts: `spec/attachPoints.ts`.
 * Not here: arguments (`typedArguments.ts`), return values (`returnValues.ts`).
 * Evidence: every hook of the three kernels asked, with and without sleeping.
 */
import { findType } from '../btf/query';
import { CLOSED_HOOKS, SLEEPABLE_HOOKS, type HookRow } from '../spec/attachPoints';
import { isSince } from '../spec/profile';
import { reject, unknown, type VerifierEnv } from './env';
import { isGplCompatible } from './licences';
import { EINVAL } from './outcome';

function listed(env: VerifierEnv, rows: Readonly<Record<string, HookRow>>, hook: string): boolean {
  if (!Object.hasOwn(rows, hook)) return false;
  const { since, until } = rows[hook];
  return isSince(env.profile, since) && (until === undefined || !isSince(env.profile, until));
}

/** Whether a program may sleep at the hook. */
export const hookMaySleep = (env: VerifierEnv, hook: string): boolean => listed(env, SLEEPABLE_HOOKS, hook);

/** Before the walk: may programs attach to the hook, this one? */
export function checkHook(env: VerifierEnv, target: string): void {
  const refuse = (code: string, message: string): never =>
    reject(env, { code, category: 'Policy', errno: EINVAL, message, insn: -1, facts: { target } });
  const name = `bpf_lsm_${target}`;
  if (env.kernelBtf !== undefined && findType(env.kernelBtf, name, 'func') === 0)
    return unknown(env, `hook ${target}`);
  const closed = listed(env, CLOSED_HOOKS, target);
  if (env.program.sleepable && !closed && !hookMaySleep(env, target)) {
    refuse('attach-not-sleepable', `${name} is not sleepable`);
  }
  if (!isGplCompatible(env.object.license)) {
    refuse('hook-needs-gpl', 'LSM programs must have a GPL compatible license');
  }
  if (!closed) return;
  const id = env.program.attachBtfId;
  if (id === undefined) return unknown(env, 'kernel type information (hooks)');
  refuse('closed-hook', `attach_btf_id ${id} points to disabled hook ${name}`);
}
