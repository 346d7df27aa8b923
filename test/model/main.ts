/**
 * `npm run test:model [-- --list] [--only TEXT]`: plays every scenario on the model and prints how far it agrees with what real
 * kernels answered, per set and kernel; then searches every race lesson without and with its fix. `--against FILE.jsonl --scenarios FILE.json` compares with answers that the bench
 * gave to other scenarios; `--live` asks the real kernels now instead of reading what is recorded. Exit status 1: something disagrees that is not marked as a gap, or a mark is out of date.
 */
import * as fs from 'node:fs';
import { parseArgs } from 'node:util';
import {
  differences,
  findScenario,
  fixtureSets,
  playOnModel,
  readScenarioSet,
  recordedAnswers,
  type KernelAnswer,
  type ScenarioSet,
} from '../machine/runTruth';
import { KERNELS } from '../oracle/boot';
import { runOnKernel } from '../oracle/runScenarios';
import { races } from './races';

/** Lines of the bench's own output; it calls the newest kernel so. */
function benchAnswers(file: string): readonly KernelAnswer[] {
  const lines = fs.readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => {
    const answer = JSON.parse(line) as KernelAnswer & { readonly kernel_key: string };
    return { ...answer, profile: answer.kernel_key === 'newest' ? '7.2' : answer.kernel_key };
  });
}

/** What the real kernels say at this moment, booted one after the other. */
async function liveAnswers(set: ScenarioSet, only: string, kernel: string): Promise<KernelAnswer[]> {
  const answers: KernelAnswer[] = [];
  const chosen = set.scenarios.filter(({ name }) => name.replaceAll(' ', '_').includes(only));
  if (chosen.length === 0) return answers;
  for (const profile of KERNELS) {
    if (kernel !== '' && kernel !== profile) continue;
    for (const answer of await runOnKernel(profile, set.folder, chosen)) {
      const given = { ...(answer as Omit<KernelAnswer, 'profile'>), profile };
      // What a kernel's loader or verifier refuses is not recorded either.
      if (given.load === 'ok') answers.push(given);
    }
  }
  return answers;
}

/** Words of eight bytes in which two elements of one key differ; else both answers. */
function told(kernel: unknown, model: unknown): string {
  const both = `    kernel ${JSON.stringify(kernel)}\n    model  ${JSON.stringify(model)}`;
  if (!Array.isArray(kernel) || !Array.isArray(model) || kernel.length !== model.length) return both;
  const lines: string[] = [];
  for (const [i, theirs] of (kernel as string[]).entries()) {
    const ours = (model as string[])[i];
    if (theirs === ours) continue;
    const [a, b] = [theirs, ours].map((text) => /^(\w* )?([0-9a-f]{64,})$/.exec(text)?.[2]);
    if (a?.length !== b?.length || a === undefined || b === undefined) return both;
    for (let at = 0; at < a.length; at += 16)
      if (a.slice(at, at + 16) !== b.slice(at, at + 16))
        lines.push(`    [${at / 16}] kernel ${a.slice(at, at + 16)} model ${b.slice(at, at + 16)}`);
  }
  return lines.join('\n');
}

interface Count {
  agree: number;
  gap: number;
  disagree: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      list: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      kernel: { type: 'string', default: '' },
      against: { type: 'string' },
      scenarios: { type: 'string' },
      live: { type: 'boolean', default: false },
    },
  });
  const sets = values.scenarios === undefined ? fixtureSets() : [readScenarioSet(values.scenarios)];
  const rows: string[] = [];
  let wrong = 0;
  let total = 0;
  for (const set of sets) {
    const answers =
      values.against !== undefined
        ? benchAnswers(values.against)
        : values.live
          ? await liveAnswers(set, values.only, values.kernel)
          : recordedAnswers(set);
    const counts = new Map<string, Count>();
    for (const answer of answers) {
      const scenario = findScenario(set, answer.scenario);
      if (scenario === undefined || !answer.scenario.includes(values.only)) continue;
      if (values.kernel !== '' && values.kernel !== answer.profile) continue;
      const count = counts.get(answer.profile) ?? { agree: 0, gap: 0, disagree: 0 };
      counts.set(answer.profile, count);
      total++;
      let found;
      try {
        found = differences(scenario, answer, playOnModel(set, scenario, answer.profile));
      } catch (error) {
        found = [{ what: 'crash', kernel: '', model: error instanceof Error ? error.stack : error }];
      }
      if (found.length === 0 && scenario.gap === undefined) count.agree++;
      else if (found.length > 0 && scenario.gap !== undefined) count.gap++;
      else {
        count.disagree++;
        wrong++;
      }
      if (!values.list || found.length === 0) continue;
      console.log(
        `${scenario.gap === undefined ? '' : 'gap: '}${set.name} ${answer.scenario} on ${answer.profile}`,
      );
      for (const { what, kernel, model } of found) console.log(`  ${what}\n${told(kernel, model)}`);
    }
    for (const [kernel, { agree, gap, disagree }] of counts)
      rows.push(
        `${set.name.padEnd(20)} ${kernel.padEnd(5)} ${String(agree).padStart(5)} ${String(gap).padStart(5)} ${String(disagree).padStart(9)}`,
      );
  }
  console.log(`${'scenarios'.padEnd(20)} ${'on'.padEnd(5)} agree gap: disagree`);
  for (const row of rows) console.log(row);
  console.log(`${total} plays, ${wrong} wrong`);
  if (values.scenarios === undefined && values.only === '' && !values.live) wrong += await printRaces();
  return wrong === 0 ? 0 : 1;
}

/** @returns how many lessons are not as they should be. */
async function printRaces(): Promise<number> {
  console.log(
    `\n${'races'.padEnd(28)} ${'without the fix'.padEnd(16)} ${'with it'.padEnd(9)} executions  seconds`,
  );
  let wrong = 0;
  for await (const { name, without, absent, executions, seconds } of races()) {
    if (without === undefined || !absent) wrong++;
    const words = [
      name.padEnd(28),
      (without ?? 'not found').padEnd(16),
      (absent ? 'complete' : 'NOT CLEAN').padEnd(9),
      String(executions).padStart(10),
      seconds.toFixed(1).padStart(8),
    ];
    console.log(words.join(' '));
  }
  return wrong;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 2;
  },
);
