/**
 * After the walk the kernel cuts out instructions that no path reached. A callback whose address is taken, but which is never called, is
 * cut out too; its address then points at whatever came to stand there. Unless that is the start of a function, translation fails.
 */
import { calleeOf } from './cfg';
import { hasFeature, reject, type VerifierEnv } from './env';
import { EFAULT } from './outcome';

const LDDW = 0x18;
const PSEUDO_FUNC = 4;

interface Stretch {
  /** First slot, counted before and after everything below was cut out. */
  readonly start: number;
  readonly movedStart: number;
  readonly length: number;
}

/** Which slots are reached, and the unreached stretches between them. */
function unreached(env: VerifierEnv): { stretches: Stretch[]; reached: boolean[] } {
  const { insns, aux } = env;
  const reached = insns.map(
    (_, i) => aux[i].seen || (i > 0 && insns[i - 1].code === LDDW && aux[i - 1].seen),
  );
  const stretches: Stretch[] = [];
  let kept = 0;
  for (let i = 0; i < insns.length; i++) {
    if (reached[i]) {
      kept++;
      continue;
    }
    const start = i;
    while (i + 1 < insns.length && !reached[i + 1]) i++;
    stretches.push({ start, movedStart: kept, length: i + 1 - start });
  }
  return { stretches, reached };
}

/** Where an address points that led into a stretch that was cut out. */
function movedTarget(target: number, stretches: readonly Stretch[]): number {
  const at = stretches.findIndex(({ start, length }) => target >= start && target < start + length);
  let moved = stretches[at].movedStart + target - stretches[at].start;
  for (const { movedStart, length } of stretches.slice(at + 1))
    if (moved >= movedStart + length) moved -= length;
  return moved;
}

export function checkDeadCallbacks(env: VerifierEnv): void {
  const { stretches, reached } = unreached(env);
  const starts = env.subprogs.filter(({ start }) => reached[start]).map(({ start }) => start);
  // A program of one function is translated without looking for others.
  if (stretches.length === 0 || starts.length < 2) return;
  const moved = new Set(
    starts.map((start) => stretches.reduce((to, gap) => (gap.start < start ? to - gap.length : to), start)),
  );
  env.insns.forEach(({ code, src }, i) => {
    if (code !== LDDW || src !== PSEUDO_FUNC || !reached[i]) return;
    const callee = calleeOf(env, i);
    if (reached[callee]) return;
    const target = movedTarget(callee, stretches);
    if (moved.has(target)) return;
    reject(env, {
      code: 'dead-callback',
      category: 'Program Structure',
      errno: EFAULT,
      message: hasFeature(env, 'translationBugText')
        ? `verifier bug: No program to jit at insn ${target} (subprog < 0)`
        : '',
      insn: i,
    });
  });
}
