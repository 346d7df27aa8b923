/** The causal path of a refusal: how its registers came to be, and what the way shows of locks, references and sections. */
import { endOfPointer, endWords } from './endOfPointer';
import { conditionWords, lastCall, type Cause, type Trace, type Way } from './way';

const LOCKS: ReadonlySet<string> = new Set(['bpf_spin_lock', 'bpf_res_spin_lock']);

/** Findings about something that an earlier call began: the calls that may have, and what to say there. */
const BEGUN: Readonly<Record<string, { readonly by: ReadonlySet<string>; readonly words: string }>> = {
  'call-under-lock': { by: LOCKS, words: 'the lock was taken here' },
  'two-locks': { by: LOCKS, words: 'the lock was taken here' },
  'unlock-of-other-lock': { by: LOCKS, words: 'the lock was taken here' },
  'lock-not-released': { by: LOCKS, words: 'the lock was taken here' },
  'tail-call-under-lock': { by: LOCKS, words: 'the lock was taken here' },
  'rcu-not-released': { by: new Set(['bpf_rcu_read_lock']), words: 'the RCU section began here' },
  'preempt-not-enabled': { by: new Set(['bpf_preempt_disable']), words: 'preemption was disabled here' },
  'interrupts-not-restored': {
    by: new Set(['bpf_local_irq_save']),
    words: 'interrupts were switched off here',
  },
  'kfunc-section': {
    by: new Set(['bpf_rcu_read_lock', 'bpf_preempt_disable', 'bpf_local_irq_save']),
    words: 'the section began here',
  },
};
/** Findings about what is left over at the end of a path: which branches lead there is half of the answer. */
const LEFT_OVER: ReadonlySet<string> = new Set([
  'reference-leak',
  'lock-not-released',
  'rcu-not-released',
  'preempt-not-enabled',
  'interrupts-not-restored',
]);
const BRANCHES = 2;

/**
 * @param acquiredAt step at which what was forgotten had been acquired, or -1
 * @param known causes that the instructions do not show
 * @returns oldest first, each step and text once
 */
export function causesOf(
  way: Way,
  code: string,
  traces: readonly Trace[],
  acquiredAt: number,
  known: readonly Cause[] = [],
): readonly Cause[] {
  const found: Cause[] = [...known];
  found.push(
    ...traces.flatMap((trace) => {
      const end = endOfPointer(way, trace);
      return end < 0 ? trace.causes : [...trace.causes, { at: end, text: endWords(way, trace, end).step }];
    }),
  );
  const begun = BEGUN[code] as (typeof BEGUN)[string] | undefined;
  const beganAt = begun === undefined ? -1 : lastCall(way, begun.by);
  if (begun !== undefined && beganAt >= 0) found.push({ at: beganAt, text: begun.words });
  if (acquiredAt >= 0) found.push({ at: acquiredAt, text: 'acquired here' });
  const since = Math.max(beganAt, acquiredAt);
  if (LEFT_OVER.has(code) && since >= 0) found.push(...lastBranches(way, since));
  found.sort((a, b) => a.at - b.at);
  return found.filter((one, n) => !found.slice(0, n).some((o) => o.at === one.at && o.text === one.text));
}

/** The newest conditions behind a step. */
function lastBranches(way: Way, after: number): Cause[] {
  const found: Cause[] = [];
  for (let n = way.steps.length - 2; n > after && found.length < BRANCHES; n--) {
    const text = way.steps[n].taken === undefined ? '' : conditionWords(way, n);
    if (text !== '') found.push({ at: n, text });
  }
  return found;
}
