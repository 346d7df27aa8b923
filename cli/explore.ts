/**
 * `bpf-studio explore`: searches the interleavings of a scenario's parallel steps. What it finds it prints with the stacks of
 * all CPUs, and writes as a schedule file that `replay` plays again. Exit status 0 only when nothing was found; whether the
 * bounded space was exhausted is said, and budget spent is never called clean.
 */
import * as path from 'node:path';
import {
  explore,
  type Exploration,
  type Found,
  type PctBound,
  type Strategy,
} from '../runtime/explore/explore';
import type { CpuStack, TraceFrame, TraceLine } from '../runtime/explore/trace';
import { kernelTypesFor } from '../runtime/host/loadFor';
import { profileOf } from '../runtime/machine/player';
import type { Scenario } from '../runtime/machine/scenario';
import { FEATURES, type FeatureName } from '../runtime/spec/features';
import type { Profile } from '../runtime/spec/profile';
import { loadInput, type LoadedInput } from './loadInput';
import { CommandFailure, EXIT, toJson, usage, type ExitStatus, type Streams } from './output';
import { formatOf, shardOf, wholeNumber, type SharedOptions } from './options';
import { readScenarioFile } from './run';
import { objectHash, writeScheduleFile } from './scheduleFile';

export interface ExploreCommandOptions extends SharedOptions {
  readonly strategy?: string;
  readonly preemptions?: string;
  readonly budget?: string;
  readonly fix?: readonly string[];
  readonly shard?: string;
  readonly out?: string;
  readonly seed?: string;
  readonly dataRace?: string;
  readonly reduction?: string;
  readonly timings?: boolean;
}

const STRATEGIES: readonly Strategy[] = ['dfs', 'pct', 'random'];
const DEFAULT_PREEMPTIONS = 2;
/** Executions: depth first usually ends by itself, sampling never does. */
const DEFAULT_BUDGET: Readonly<Record<Strategy, number>> = { dfs: 1_000_000, pct: 10_000, random: 10_000 };

/** What explore and replay start from. */
export interface ScenarioInput extends LoadedInput {
  readonly scenario: Scenario;
  readonly target: string;
}

/** The scenario with its fixes as told, its object loaded. */
export async function scenarioInput(
  scenario: Scenario,
  file: string,
  options: SharedOptions,
  streams: Streams,
): Promise<ScenarioInput> {
  if (scenario.object === undefined) throw usage(`${file}: names no object`, 'Add "object: program.bpf.c".');
  const target = path.isAbsolute(scenario.object)
    ? scenario.object
    : path.join(path.dirname(file), scenario.object);
  const kernel = options.kernel ?? scenario.kernel;
  const input = await loadInput(target, { ...options, kernel }, streams);
  return { ...input, scenario, target };
}

function withFixes(scenario: Scenario, fixes: readonly string[]): Scenario {
  const merged: Partial<Record<FeatureName, 'on' | 'off'>> = { ...scenario.fixes };
  for (const fix of fixes) {
    const match = /^(\w+)=(on|off)$/.exec(fix);
    if (match === null) throw usage(`--fix: "${fix}" is not NAME=on or NAME=off`);
    if (!(match[1] in FEATURES)) throw usage(`--fix: there is no fix "${match[1]}"`);
    merged[match[1] as FeatureName] = match[2] as 'on' | 'off';
  }
  return { ...scenario, fixes: merged };
}

export async function exploreCommand(
  file: string,
  options: ExploreCommandOptions,
  streams: Streams,
): Promise<ExitStatus> {
  const format = formatOf(options.format, ['text', 'json']);
  const strategy = (options.strategy ?? 'dfs') as Strategy;
  if (!STRATEGIES.includes(strategy))
    throw usage(`there is no strategy "${strategy}"`, `Known: ${STRATEGIES.join(', ')}.`);
  const preemptions =
    options.preemptions === undefined
      ? DEFAULT_PREEMPTIONS
      : wholeNumber(options.preemptions, '--preemptions', 0, 100);
  const budget =
    options.budget === undefined
      ? DEFAULT_BUDGET[strategy]
      : wholeNumber(options.budget, '--budget', 1, 1_000_000_000);
  const shard = options.shard === undefined ? undefined : shardOf(options.shard);
  let scenario = withFixes(await readScenarioFile(file), options.fix ?? []);
  if (options.seed !== undefined)
    scenario = { ...scenario, seed: wholeNumber(options.seed, '--seed', 0, 0xffff_ffff) };
  if (options.dataRace !== undefined) {
    const { dataRace } = options;
    if (dataRace !== 'on' && dataRace !== 'off') throw usage('--data-race: "on" or "off" expected');
    scenario = { ...scenario, check: { dataRace } };
  }
  if (options.reduction !== undefined && options.reduction !== 'on' && options.reduction !== 'off')
    throw usage('--reduction: "on" or "off" expected');
  if (!scenario.steps.some((step) => step.kind === 'parallel'))
    throw usage(
      `${file}: has no parallel step, so there is nothing to interleave`,
      'Put what happens at the same time into one, a list for each CPU: "- parallel: [[{ run: first }], [{ run: second }]]"; see docs/races.md.',
    );
  const input = await scenarioInput(scenario, file, options, streams);
  const profile = profileOf(scenario, input.profile);
  const beganNs = process.hrtime.bigint();
  const searched = explore(input.object, scenario, {
    strategy,
    preemptions,
    budget,
    profile: input.profile,
    checked: true,
    kernelTypes: kernelTypesFor(input.profile, { file: options.btf }),
    reduce: options.reduction !== 'off',
    ...(shard === undefined ? {} : { shard }),
    ...(streams.progress === undefined ? {} : { onProgress: progressOf(streams) }),
  });
  streams.progress?.('');
  if (!searched.ok) throw new CommandFailure(searched.problem);
  const seconds = Number(process.hrtime.bigint() - beganNs) / 1e9;
  const result = searched.value;
  const schedules = result.found.map((found, i) => {
    const name = (options.out ?? scheduleName(file)).replace(
      /(?:\.bpfschedule)?$/,
      (extension) => `${i === 0 ? '' : `.${found.invariant}`}${extension}`,
    );
    writeScheduleFile(name, {
      hash: objectHash(input),
      scenario,
      target: input.target,
      kernel: profile.name,
      found,
    });
    return name;
  });
  const all = result.executions + result.cut;
  const perSecond = Math.round(all / Math.max(seconds, 1e-6));
  if (format === 'json') {
    streams.out(
      toJson({
        scenario: file,
        kernel: profile.name,
        fixes: scenario.fixes,
        strategy,
        preemptions,
        found: result.found.map((found, i) => ({
          invariant: found.invariant,
          message: found.message,
          schedule: found.schedule,
          preemptions: found.preemptions,
          scheduleFile: schedules[i],
          stacks: found.run.stacks,
          actions: found.run.actions,
        })),
        complete: result.complete,
        ...(result.unbounded ? { unbounded: true } : {}),
        executions: result.executions,
        ...(result.equivalent > 0 ? { equivalent: result.equivalent } : {}),
        ...(result.cut > 0 ? { cut: result.cut, cutBecause: result.cutBecause } : {}),
        ...(result.bound === undefined ? {} : { pctBound: result.bound }),
        ...(result.incompleteBecause === undefined ? {} : { incompleteBecause: result.incompleteBecause }),
        ...(options.timings === true ? { executionsPerSecond: perSecond } : {}),
      }),
    );
  } else {
    streams.out(
      textOf(result, {
        profile,
        scenario,
        strategy,
        preemptions,
        schedules,
        shard: options.shard,
        isReduced: strategy === 'dfs' && options.reduction !== 'off',
      }) + (options.timings === true ? `${perSecond} executions per second\n` : ''),
    );
  }
  return result.found.length > 0 ? EXIT.short : EXIT.ok;
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const PROGRESS_MS = 250;

/** Shows executions and their rate a few times a second. */
function progressOf(streams: Streams): (executions: number) => boolean {
  const began = performance.now();
  let shown = began;
  return (executions) => {
    const now = performance.now();
    if (now - shown >= PROGRESS_MS) {
      shown = now;
      const rate = Math.round((executions * 1000) / (now - began));
      streams.progress?.(
        `${executions.toLocaleString('en')} executions, ${rate.toLocaleString('en')} per second`,
      );
    }
    return true;
  };
}

/** `race.bpf.yaml` → `race.bpfschedule`, in the present folder. */
const scheduleName = (file: string): string =>
  `${path.basename(file).replace(/(?:\.bpf)?\.(?:ya?ml|json)$/i, '')}.bpfschedule`;

function textOf(
  result: Exploration,
  about: {
    profile: Profile;
    scenario: Scenario;
    strategy: Strategy;
    preemptions: number;
    schedules: readonly string[];
    shard: string | undefined;
    isReduced: boolean;
  },
): string {
  const off = Object.entries(about.scenario.fixes).flatMap(([name, state]) =>
    state === 'off' ? [name] : [],
  );
  const lines = [
    `Linux ${about.profile.name}${off.length > 0 ? ` without ${off.join(', ')}` : ''}: ${counted(result.executions, 'execution')}` +
      (result.cut > 0 ? `, ${result.cut} more that did not come to rest` : ''),
  ];
  for (const [i, found] of result.found.entries())
    lines.push(...foundLines(found), `schedule written to ${about.schedules[i]}`);
  if (result.found.length === 0) lines.push(verdict(result, about));
  return `${lines.join('\n')}\n`;
}

function verdict(
  result: Exploration,
  about: { strategy: Strategy; preemptions: number; shard: string | undefined; isReduced: boolean },
): string {
  const share = about.shard === undefined ? '' : ` of share ${about.shard}`;
  const bound = result.unbounded
    ? ', however many preemptions it has,'
    : ` with up to ${counted(about.preemptions, 'preemption')}`;
  if (result.complete)
    return (
      `nothing found; complete: every schedule${share}${bound} was run` +
      (about.isReduced ? ' (or one that differs only in the order of independent actions)' : '')
    );
  const why = {
    found: '',
    budget: 'the budget is used up',
    cut: 'some executions did not come to rest',
    strategy: 'sampling never covers all schedules',
    stopped: 'the search was stopped',
  }[result.incompleteBecause ?? 'budget'];
  const lines = [`nothing found so far, but not complete: ${why}`];
  if (result.cutBecause !== undefined) lines.push(result.cutBecause);
  if (result.bound !== undefined) lines.push(boundText(result.bound, result.executions));
  return lines.join('\n');
}

/** What has been promised by so many runs, after Burckhardt and others (ASPLOS 2010). */
function boundText({ depth, actors, steps, probability }: PctBound, executions: number): string {
  const missed = (1 - probability) ** executions;
  return (
    `a race that needs ${counted(depth, 'ordering')} (depth ${depth}) is found by one run with a probability of at least ` +
    `1 in ${Math.round(1 / probability).toLocaleString('en')} (${counted(actors, 'actor')}, ${counted(steps, 'choice')}), ` +
    `and missed by all ${executions} with at most ${(100 * missed).toPrecision(3)} %`
  );
}

/** A finding as people read it; also what `replay` prints. */
export function foundLines(
  found: Pick<Found, 'invariant' | 'message' | 'schedule' | 'preemptions' | 'run'>,
): string[] {
  const { actions, stacks } = found.run;
  const widest = Math.max(0, ...actions.map((action) => action.doing.length));
  const column = Math.min(widest, DOING_COLUMNS);
  return [
    `found (${found.invariant}): ${found.message}`,
    `schedule: ${found.schedule} (${found.preemptions} ${found.preemptions === 1 ? 'preemption' : 'preemptions'})`,
    '',
    ...(actions.length > 0
      ? [
          `what happened, one action a line${found.preemptions > 0 ? '; ! interrupts a CPU that could have gone on' : ''}:`,
        ]
      : []),
    ...actions.map((action, i) => actionLine(action, i, column)),
    '',
    ...stacks.flatMap(stackLines),
  ];
}

/** Width of what is done before the place where it is done. */
const DOING_COLUMNS = 60;

function actionLine(action: TraceLine, i: number, column: number): string {
  const place =
    action.function === undefined
      ? ''
      : `  ${action.function}${action.line === undefined ? '' : ` at ${path.basename(action.file ?? '')}:${action.line}`}`;
  const start = `${String(i + 1).padStart(4)}  cpu${action.cpu} ${action.preempts ? '!' : ' '} `;
  return place === '' ? start + action.doing : start + action.doing.padEnd(column) + place;
}

const WHEN = {
  atStop: 'at the end',
  atSwitch: 'when it was left last',
  lastAction: 'before its last action',
  atAccess: 'its side of the race',
} as const;

function stackLines(stack: CpuStack): string[] {
  return [
    `cpu${stack.cpu}, ${WHEN[stack.when]}: ${stack.doing}`,
    ...stack.frames.map((frame) => `    ${frameText(frame)}`),
  ];
}

const frameText = (frame: TraceFrame): string =>
  `${frame.function} at ${frame.line === undefined ? `instruction ${frame.insn}` : `${path.basename(frame.file ?? '')}:${frame.line}`}`;
