/**
 * Not a test of the suite: compares this verifier with recorded answers of real kernels, program by program.
 *   node out/test/verifier/compareWithKernel.js ORACLE.json [kernel=6.12] [file=PART] [program=NAME] [btf=DIR] [show=KIND]
 * ORACLE.json holds one JSON line per program and kernel as `verify` of the oracle prints them; DIR holds kernels' BTF
 * as vmlinux-6.1.btf, vmlinux-6.12.btf, vmlinux-newest.btf. Every difference is one line, kinds counted at the end.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { readBtf } from '../../runtime/btf/readBtf';
import type { Btf } from '../../runtime/btf/types';
import { loadObject } from '../../runtime/loader/loadObject';
import type { ObjectSpec, ProgramSpec } from '../../runtime/loader/objectSpec';
import { findProfile, type Profile } from '../../runtime/spec/profile';
import { Verification } from '../../runtime/verifier/verify';
import type { Verdict } from '../../runtime/verifier/verdict';

interface Answer {
  readonly file: string;
  readonly prog: string;
  readonly kernel_key: '6.1' | '6.12' | 'newest';
  readonly verdict: string;
  readonly errno: number;
  readonly error: string;
  readonly processed_insns?: number;
  readonly total_states?: number;
  readonly peak_states?: number;
  readonly stack_depth?: string;
}

const PROFILE_OF = { '6.1': '6.1', '6.12': '6.12', newest: '7.2' } as const;
/** A program that takes longer than this here is counted as not answered. */
const TIME_LIMIT_MS = 20_000;

interface Tally {
  programs: number;
  agree: number;
  unknown: number;
  wronglyAccepted: number;
  wronglyRejected: number;
  rejected: number;
  sameMessage: number;
  accepted: number;
  sameCount: number;
  sameStates: number;
}

const newTally = (): Tally => ({
  programs: 0,
  agree: 0,
  unknown: 0,
  wronglyAccepted: 0,
  wronglyRejected: 0,
  rejected: 0,
  sameMessage: 0,
  accepted: 0,
  sameCount: 0,
  sameStates: 0,
});

function judge(
  program: ProgramSpec,
  object: ObjectSpec,
  profile: Profile,
  kernelBtf?: Btf,
): Verdict | undefined {
  const verification = new Verification(program, object, profile, { kernelBtf });
  const start = Date.now();
  while (!verification.step(20_000)) if (Date.now() - start > TIME_LIMIT_MS) return undefined;
  return verification.result();
}

function compare(
  answer: Answer,
  ours: Verdict | undefined,
  tally: Tally,
  say: (kind: string, text: string) => void,
): void {
  const want = answer.verdict === 'ok' ? 'accepted' : 'rejected';
  tally.programs++;
  if (ours === undefined || ours.verdict === 'unknown' || ours.verdict === 'error') {
    tally.unknown++;
    say('UNKNOWN', `${ours?.message ?? 'took too long'}; kernel ${want}`);
    return;
  }
  if (ours.verdict !== want) {
    if (want === 'rejected') tally.wronglyAccepted++;
    else tally.wronglyRejected++;
    say(
      'WRONG',
      `ours ${ours.verdict} '${ours.message}' at ${ours.insn ?? '-'}; kernel ${want} '${answer.error}'`,
    );
    return;
  }
  tally.agree++;
  const counts = `${ours.stats.processedInsns}/${ours.stats.totalStates}/${ours.stats.peakStates}`;
  const theirs = `${answer.processed_insns}/${answer.total_states}/${answer.peak_states}`;
  if (want === 'rejected') {
    tally.rejected++;
    if (answer.error.trim() === ours.message.trim()) tally.sameMessage++;
    else say('MESSAGE', `ours '${ours.message}'; kernel '${answer.error}'`);
    if (Math.abs(answer.errno) !== ours.errno)
      say('ERRNO', `ours ${ours.errno}; kernel ${answer.errno}; ${ours.message}`);
    if (answer.processed_insns && answer.processed_insns !== ours.stats.processedInsns) {
      say('COUNT', `(rejected) ours ${counts}; kernel ${theirs}`);
    }
    return;
  }
  tally.accepted++;
  if (answer.processed_insns === ours.stats.processedInsns) tally.sameCount++;
  else say('COUNT', `ours ${counts}; kernel ${theirs}`);
  if (answer.total_states === ours.stats.totalStates && answer.peak_states === ours.stats.peakStates)
    tally.sameStates++;
  else if (answer.processed_insns === ours.stats.processedInsns)
    say('STATES', `ours ${counts}; kernel ${theirs}`);
  const depth = ours.stats.stackDepth.join('+');
  if (answer.stack_depth && !answer.stack_depth.startsWith(depth))
    say('STACK', `ours ${depth}; kernel ${answer.stack_depth}`);
}

function main(): void {
  const [, , json, ...rest] = process.argv;
  const options = new Map(rest.map((text) => text.split('=', 2) as [string, string]));
  const answers = fs
    .readFileSync(json, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Answer);
  const btfDir = options.get('btf');
  const kinds = new Map<string, number>();
  for (const key of ['6.1', '6.12', 'newest'] as const) {
    const profile = findProfile(PROFILE_OF[key]);
    if (profile === undefined || (options.has('kernel') && options.get('kernel') !== profile.name)) continue;
    let kernelBtf: Btf | undefined;
    if (btfDir !== undefined) {
      const read = readBtf(key, fs.readFileSync(path.join(btfDir, `vmlinux-${key}.btf`)));
      if (read.ok) kernelBtf = read.value;
    }
    const tally = newTally();
    const objects = new Map<string, ObjectSpec | undefined>();
    for (const answer of answers) {
      if (answer.kernel_key !== key || (answer.verdict !== 'ok' && answer.verdict !== 'fail')) continue;
      const name = path.basename(answer.file);
      if (options.has('file') && !name.includes(options.get('file') ?? '')) continue;
      if (options.has('program') && answer.prog !== options.get('program')) continue;
      const say = (kind: string, text: string): void => {
        const counted = `${kind} ${profile.name}`;
        kinds.set(counted, (kinds.get(counted) ?? 0) + 1);
        if (!options.has('show') || options.get('show') === kind) {
          console.log(`${kind} ${profile.name} ${name} ${answer.prog}: ${text}`);
        }
      };
      if (!objects.has(answer.file)) {
        const loaded = loadObject(answer.file, fs.readFileSync(answer.file), { relaxed: true, kernelBtf });
        if (!loaded.ok) say('LOAD', loaded.problem.message);
        objects.set(answer.file, loaded.ok ? loaded.value : undefined);
      }
      const object = objects.get(answer.file);
      const program = object?.programs.find((p) => p.name === answer.prog);
      if (object === undefined || program === undefined) continue;
      try {
        compare(answer, judge(program, object, profile, kernelBtf), tally, say);
      } catch (error) {
        say(
          'CRASH',
          error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' | ') : '?',
        );
      }
    }
    console.log(profile.name, JSON.stringify(tally));
  }
  console.log(Object.fromEntries(kinds));
}

main();
