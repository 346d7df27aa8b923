/**
 * Depth-first search: goes on with the first option at every choice, and at the end of a run back to the last choice that
 * has another answer within the bound. Nothing before that choice is done again: the machine goes back by what changed.
 */
import type { Option } from '../machine/interleave';
import { ok, type Result } from '../util/problem';
import type { Executor } from './executor';
import type { Tally } from './tally';
import { Walk, type WalkPosition } from './walk';

/** A choice with answers left to try. */
interface Node {
  readonly position: WalkPosition;
  readonly options: readonly Option[];
  readonly goesOn: boolean;
  /** Number of choices before this one. */
  readonly depth: number;
  /** Preemptions before this one. */
  readonly preemptions: number;
  /** Choices before this one that were not the first option. */
  readonly deviations: number;
  next: number;
}

export interface Bounds {
  /** Schedules with so many preemptions or fewer were run before: they are taken again, but not counted; -1 = none were. */
  readonly done: number;
  /** Most preemptions. */
  readonly most: number;
}

/**
 * All schedules with at most `bounds.most` preemptions.
 *
 * @param onEnd told at the end of every run that counts; the machine stands as it ended.
 * @returns `pruned`: there are schedules that need more preemptions.
 */
export function depthFirst(
  executor: Executor,
  tally: Tally,
  bounds: Bounds,
  shard: { readonly index: number; readonly count: number } | undefined,
  onEnd: ((script: readonly number[]) => void) | undefined,
): Result<{ pruned: boolean }> {
  const walk = new Walk(executor);
  const nodes: Node[] = [];
  const script: number[] = [];
  let preemptions = 0;
  let deviations = 0;
  let pruned = false;
  if (!tally.mayGoOn()) return ok({ pruned });
  walk.reset();
  for (;;) {
    const choice = walk.toChoice();
    if (!choice.ok) return choice;
    if (choice.value !== undefined) {
      const { list, goesOn } = choice.value;
      const isMine = shard === undefined || deviations > 0 || script.length % shard.count === shard.index - 1;
      if (isMine && goesOn && preemptions >= bounds.most) pruned = true;
      else if (isMine)
        nodes.push({
          position: walk.position(),
          options: list,
          goesOn,
          depth: script.length,
          preemptions,
          deviations,
          next: 1,
        });
      script.push(0);
      const taken = walk.take(list[0], false);
      if (!taken.ok) return taken;
      continue;
    }
    const violation = walk.violation();
    const isNew = preemptions > bounds.done && (deviations > 0 || shard === undefined || shard.index === 1);
    if (walk.isCut) tally.cut += isNew ? 1 : 0;
    else tally.executions += isNew ? 1 : 0;
    if (isNew) onEnd?.(script);
    if (violation !== undefined) {
      tally.found = { violation, script: script.slice() };
      if (executor.race !== undefined) tally.raced ??= tally.found;
      return ok({ pruned });
    }
    if (executor.race !== undefined) tally.raced ??= { script: script.slice() };
    const node = nodes.at(-1);
    if (node === undefined || (isNew && !tally.mayGoOn())) return ok({ pruned });
    const chosen = node.next++;
    const last = node.next >= node.options.length;
    if (last) nodes.pop();
    walk.goTo(node.position, last);
    script.length = node.depth;
    script.push(chosen);
    preemptions = node.preemptions + (node.goesOn ? 1 : 0);
    deviations = node.deviations + 1;
    const taken = walk.take(node.options[chosen], node.goesOn);
    if (!taken.ok) return taken;
  }
}
