/**
 * Security hooks: which of them are closed to programs, where programs may sleep. Facts: `spec/attachPoints.ts`.
 * Not here: arguments (`typedArguments.ts`), return values (`returnValues.ts`).
 * Evidence: every hook of the three kernels asked, with and without sleeping.
 */
import { CLOSED_HOOKS, SLEEPABLE_HOOKS, type HookRow } from '../spec/attachPoints';
import { isSince } from '../spec/profile';
import { reject, unknown, type VerifierEnv } from './env';
import { isGplCompatible } from './licences';
import { EINVAL } from './outcome';

/** Kernel functions that stand for hooks begin so. */
export const HOOK_PREFIX = 'bpf_lsm_';

function listed(env: VerifierEnv, rows: Readonly<Record<string, HookRow>>, hook: string): boolean {
  if (!Object.hasOwn(rows, hook)) return false;
  const { since, until } = rows[hook];
  return isSince(env.profile, since) && (until === undefined || !isSince(env.profile, until));
}

/** Whether a program may sleep at the hook. */
export const hookMaySleep = (env: VerifierEnv, hook: string): boolean => listed(env, SLEEPABLE_HOOKS, hook);

/** Before the walk: may programs attach to the hook, this one? `name`: the kernel function that stands for the hook. */
export function checkHook(env: VerifierEnv, name: string): void {
  const id = env.program.attachBtfId;
  const refuse = (code: string, message: string): never =>
    reject(env, { code, category: 'Policy', errno: EINVAL, message, insn: -1, facts: { target: name } });
  if (!isGplCompatible(env.object.license)) {
    refuse('hook-needs-gpl', 'LSM programs must have a GPL compatible license');
  }
  const closed = listed(env, CLOSED_HOOKS, name.slice(HOOK_PREFIX.length));
  if (!closed && name.startsWith(HOOK_PREFIX)) return;
  if (id === undefined) return unknown(env, 'kernel type information (hooks)');
  if (closed) refuse('closed-hook', `attach_btf_id ${id} points to disabled hook ${name}`);
  refuse('attach-number', `attach_btf_id ${id} points to wrong type name ${name}`);
}
