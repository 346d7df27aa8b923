/** Pointers that were good once: what was borrowed was given back, the packet was moved, the lock was released. */
import { helperByName } from '../../spec/helpers';
import { lentBy } from '../../spec/references';
import { lastCall, type Trace, type Way } from './way';

/** Helpers after which pointers into the packet are worth nothing. */
const movesPacket = (name: string): boolean => helperByName(name)?.changesPacket === true;

/**
 * The call that made a pointer useless: its record or socket was given back, its packet was moved, or the lock that it was
 * borrowed under was released. @returns the step of the way, or -1.
 */
export function endOfPointer(way: Way, trace: Trace): number {
  const { origin } = trace;
  if (origin === undefined) return -1;
  if (origin.kind === 'call') {
    const lender = lentBy(way.callee(origin.at));
    return lender === undefined ? -1 : lastCall(way, new Set(lender.releasedBy), origin.at);
  }
  if (origin.kind !== 'load') return -1;
  for (let n = way.steps.length - 2; n > origin.at; n--) if (movesPacket(way.callee(n))) return n;
  return -1;
}

const withArticle = (noun: string): string => `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;

/** @param at step of `endOfPointer` */
export function endWords(
  way: Way,
  trace: Trace,
  at: number,
): { readonly step: string; readonly reason: string } {
  const name = way.callee(at);
  if (movesPacket(name))
    return {
      step: `${name} may move the packet: pointers into it from before are worth nothing now`,
      reason: `It was a pointer into the packet, until ${name} was called, which may move the packet.`,
    };
  const what =
    trace.origin === undefined ? 'object' : (lentBy(way.callee(trace.origin.at))?.what ?? 'object');
  return {
    step: `${name} ended this: the ${what} does not belong to the program any more`,
    reason: `It pointed to ${withArticle(what)}, until ${name} was called; the program may not touch it after that.`,
  };
}
