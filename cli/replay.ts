/**
 * `bpf-studio replay`: plays the run of a schedule file again and prints what everyone did, and where everyone stood when it
 * ended. The same file, object and build give the same bytes.
 */
import { Executor } from '../runtime/explore/executor';
import { replaySchedule } from '../runtime/explore/explore';
import { foundLines, scenarioInput } from './explore';
import { runReport } from '../runtime/machine/runReport';
import { CommandFailure, EXIT, toJson, usage, type ExitStatus, type Streams } from './output';
import { formatOf, type SharedOptions } from './options';
import { objectHash, readScheduleFile } from './scheduleFile';

/** Exit status 1 when the schedule shows its violation, as it should. */
export async function replayCommand(
  file: string,
  options: SharedOptions,
  streams: Streams,
): Promise<ExitStatus> {
  const format = formatOf(options.format, ['text', 'json']);
  const stored = readScheduleFile(file);
  const input = await scenarioInput(stored.scenario, file, { ...options, kernel: undefined }, streams);
  if (objectHash(input) !== stored.objectHash)
    throw usage(
      `${file}: was made with another ${stored.scenario.object ?? 'object'}: its hash differs`,
      'Run explore again.',
    );
  const executor = Executor.create(input.object, stored.scenario, { profile: input.profile, checked: true });
  if (!executor.ok) throw new CommandFailure(executor.problem);
  const played = replaySchedule(executor.value, stored.choices, stored.invariant);
  if (!played.ok) throw new CommandFailure(played.problem);
  const { run, preemptions, shape, violation } = played.value;
  if (stored.shape !== undefined && stored.shape !== shape)
    throw usage(
      `${file}: does not fit: this build of bpf-studio comes to other choices on the way than the one that wrote it`,
      'Run explore again.',
    );
  if (format === 'json') {
    const { schedule } = stored;
    streams.out(
      toJson({
        schedule,
        preemptions,
        ...(violation === undefined ? {} : { found: violation }),
        stacks: run.stacks,
        actions: run.actions,
        run: runReport(executor.value.machine),
      }),
    );
  } else {
    const { schedule } = stored;
    const shown = violation ?? { invariant: 'fault' as const, message: '' };
    const lines = foundLines({ ...shown, schedule, preemptions, run });
    if (violation === undefined) lines[0] = 'nothing is wrong at the end of this schedule';
    streams.out(`${lines.join('\n')}\n`);
  }
  return violation === undefined ? EXIT.ok : EXIT.short;
}
