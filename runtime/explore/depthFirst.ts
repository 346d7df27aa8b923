/**
 * Depth-first search: goes on with the first option at every choice, and at the end of a run back to the last choice that
 * has another answer within the bound. Nothing before that choice is done again: the machine goes back by what changed.
 *
 * Of runs that differ only in the order of independent actions, one is enough. Two things leave out the others; neither loses
 * a run whose equivalent would need more preemptions (`RATIONALE.md` has the argument):
 *
 * - An action that was taken at a choice sleeps while the answers after it are tried, until something that depends on it is
 *   done: taking it before that would give a run that was seen.
 * - Where the CPU that acted last can go on, others are tried only if something that a CPU did later depends on what it did.
 */
import type { Option } from '../machine/interleave';
import { ok, type Result } from '../util/problem';
import type { Executor } from './executor';
import { areDependent, type Footprint } from './footprint';
import type { Violation } from './invariants';
import type { Tally } from './tally';
import { Walk, type WalkPosition } from './walk';

/** An action that need not be taken before something depends on it. */
interface Sleeper {
  readonly option: Option;
  readonly footprint: Footprint;
}

/** A choice with answers left to try. */
interface Node {
  /** Undefined: the others need more preemptions than the bound allows. */
  readonly position: WalkPosition | undefined;
  readonly options: readonly Option[];
  readonly goesOn: boolean;
  /** Number of choices before this one. */
  readonly depth: number;
  /** Preemptions before this one. */
  readonly preemptions: number;
  /** Choices before this one that were not the first option. */
  readonly deviations: number;
  next: number;
  /** Grows by the answers that were tried. */
  readonly asleep: Sleeper[];
  /** Footprint of the first option, while nothing is known that depends on it. */
  first: Footprint | undefined;
  /** The other options must be tried. */
  isNeeded: boolean;
}

export interface Bounds {
  /** Schedules with so many preemptions or fewer were run before: they are taken again, but not counted; -1 = none were. */
  readonly done: number;
  /** Most preemptions. */
  readonly most: number;
}

export interface SearchOptions {
  readonly bounds: Bounds;
  readonly shard: { readonly index: number; readonly count: number } | undefined;
  /** Leave out runs that differ only in the order of independent actions. */
  readonly reduce: boolean;
  /** Told at the end of every run that counts; the machine stands as it ended. */
  readonly onEnd: ((script: readonly number[], violation: Violation | undefined) => void) | undefined;
  /** Go on when something is found. */
  readonly findAll?: boolean;
}

const NOBODY: readonly Sleeper[] = [];

const isAsleep = (asleep: readonly Sleeper[], option: Option): boolean =>
  asleep.some(
    (s) =>
      s.option.cpu === option.cpu && s.option.action === option.action && s.option.track === option.track,
  );

/** Who still sleeps after an action. */
const stillAsleep = (asleep: readonly Sleeper[], done: Footprint): readonly Sleeper[] =>
  asleep.length === 0 ? NOBODY : asleep.filter((sleeper) => !areDependent(sleeper.footprint, done));

class DepthFirst {
  private readonly walk: Walk;
  private readonly nodes: Node[] = [];
  /** Nodes whose other options nobody needs so far. */
  private readonly lazy: Node[] = [];
  private readonly script: number[] = [];
  private asleep: readonly Sleeper[] = NOBODY;
  private preemptions = 0;
  private deviations = 0;
  /** There are schedules that need more preemptions. */
  pruned = false;
  /** Choices of the longest run. */
  longest = 0;

  constructor(
    private readonly executor: Executor,
    private readonly tally: Tally,
    private readonly options: SearchOptions,
  ) {
    this.walk = new Walk(executor);
  }

  run(): Result<void> {
    const { tally, walk } = this;
    if (!tally.mayGoOn()) return DONE;
    this.executor.watch.recordsFootprints = this.options.reduce;
    walk.reset();
    for (;;) {
      const ended = this.toEnd();
      if (!ended.ok) return ended;
      if (ended.value && !this.runEnded()) return DONE;
      const back = this.back();
      if (!back.ok || !back.value) return back.ok ? DONE : back;
    }
  }

  /** Goes on to the end of the run (true), or to where every option is asleep: the run is equivalent to one that was seen. */
  private toEnd(): Result<boolean> {
    const { walk, script } = this;
    for (;;) {
      const at = walk.toOptions();
      if (!at.ok) return at;
      if (at.value === undefined) {
        if (script.length > this.longest) this.longest = script.length;
        return ok(true);
      }
      const { list, goesOn } = at.value;
      const first = this.asleep.length === 0 ? 0 : list.findIndex((o) => !isAsleep(this.asleep, o));
      if (first < 0) {
        this.tally.equivalent++;
        return ok(false);
      }
      const node = list.length > 1 ? this.nodeOf(list, goesOn, first) : undefined;
      if (list.length > 1) {
        script.push(first);
        if (first > 0) this.deviations++;
      }
      const taken = this.take(list[first], goesOn && first > 0, node);
      if (!taken.ok) return taken;
    }
  }

  /** Remembers a choice if other answers to it may have to be tried. */
  private nodeOf(list: readonly Option[], goesOn: boolean, first: number): Node | undefined {
    const { shard, bounds, reduce } = this.options;
    const { script, deviations, preemptions, walk, asleep } = this;
    const isRoot = shard !== undefined && deviations === 0;
    if (isRoot && script.length % shard.count !== shard.index - 1) return undefined;
    let next = first + 1;
    while (next < list.length && isAsleep(asleep, list[next])) next++;
    if (next >= list.length) return undefined;
    const isBeyond = goesOn && preemptions >= bounds.most;
    if (isBeyond && this.pruned) return undefined;
    // Other shares do not see what depends on what here, and on one CPU everything does.
    const { cpu } = list[first];
    const isNeeded = !reduce || !goesOn || isRoot || list.some((o, i) => i > first && o.cpu === cpu);
    if (isBeyond && isNeeded) {
      this.pruned = true;
      return undefined;
    }
    const node: Node = {
      position: isBeyond ? undefined : walk.position(),
      options: list,
      goesOn,
      depth: script.length,
      preemptions,
      deviations,
      next,
      asleep: asleep.slice(),
      first: undefined,
      isNeeded,
    };
    this.nodes.push(node);
    return node;
  }

  private take(option: Option, preempts: boolean, node: Node | undefined): Result<void> {
    const { walk, lazy } = this;
    const taken = walk.take(option, preempts);
    if (!taken.ok || !this.options.reduce) return taken;
    const { footprint } = walk;
    this.asleep = stillAsleep(this.asleep, footprint);
    for (let i = lazy.length - 1; i >= 0; i--) {
      const { first } = lazy[i];
      if (first === undefined || first.cpu === footprint.cpu || !areDependent(first, footprint)) continue;
      lazy[i].isNeeded = true;
      lazy.splice(i, 1);
    }
    if (node === undefined) return taken;
    const isFirst = node.goesOn && option === node.options[0];
    if (isFirst && !node.isNeeded) {
      if (footprint.isWide) node.isNeeded = true;
      else {
        node.first = footprint;
        lazy.push(node);
      }
    }
    // Who would have to be interrupted after it costs the equivalent run a preemption more.
    if (isFirst || !walk.canGoOn(option.cpu)) node.asleep.push({ option, footprint });
    return taken;
  }

  /** Looks at a run that was taken to its end. False: the search is over. */
  private runEnded(): boolean {
    const { walk, tally, executor, script, preemptions } = this;
    const { bounds, shard, onEnd } = this.options;
    const violation = walk.violation();
    const isNew =
      preemptions > bounds.done && (this.deviations > 0 || shard === undefined || shard.index === 1);
    const { cutBecause } = walk;
    if (cutBecause !== undefined) {
      tally.cut += isNew ? 1 : 0;
      tally.cutBecause ??= cutBecause;
    } else tally.executions += isNew ? 1 : 0;
    if (isNew) onEnd?.(script, violation);
    if (violation !== undefined && this.options.findAll !== true) {
      tally.found = { violation, script: script.slice() };
      if (executor.race !== undefined) tally.raced ??= tally.found;
      return false;
    }
    if (executor.race !== undefined) tally.raced ??= { script: script.slice() };
    return !isNew || tally.mayGoOn();
  }

  /** Goes back to the last choice with another answer, and takes that; false: there is none. */
  private back(): Result<boolean> {
    const { nodes, lazy, walk, script } = this;
    for (;;) {
      const node = nodes.at(-1);
      if (node === undefined) return ok(false);
      if (lazy.at(-1) === node) lazy.pop();
      node.first = undefined;
      const { position, options } = node;
      if (position === undefined && node.isNeeded) this.pruned = true;
      if (position === undefined || !node.isNeeded) {
        nodes.pop();
        continue;
      }
      const chosen = node.next;
      do node.next++;
      while (node.next < options.length && isAsleep(node.asleep, options[node.next]));
      const last = node.next >= options.length;
      if (last) nodes.pop();
      walk.goTo(position, last);
      script.length = node.depth;
      script.push(chosen);
      this.preemptions = node.preemptions + (node.goesOn ? 1 : 0);
      this.deviations = node.deviations + 1;
      this.asleep = last ? node.asleep : node.asleep.slice();
      const taken = this.take(options[chosen], node.goesOn, last ? undefined : node);
      return taken.ok ? ok(true) : taken;
    }
  }
}

const DONE: Result<void> = ok(undefined);

/**
 * All schedules with at most `bounds.most` preemptions, or one for each that differs only in the order of independent actions.
 *
 * @returns `pruned`: there are schedules that need more preemptions; `longest`: choices of the longest run.
 */
export function depthFirst(
  executor: Executor,
  tally: Tally,
  options: SearchOptions,
): Result<{ pruned: boolean; longest: number }> {
  const search = new DepthFirst(executor, tally, options);
  const done = search.run();
  return done.ok ? ok({ pruned: search.pruned, longest: search.longest }) : done;
}
