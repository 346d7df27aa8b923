/**
 * `npm run bench:verifier -- [--kernel NAME] [--rounds N] [--only NAME] [--peer PATH] [--strict] [PATH…]`: how fast the
 * verifier is. Prints processed instructions, seconds and million instructions per second of the generated programs and
 * of all programs in the objects at PATH (files or folders); with `--peer`, also the time of a PREVAIL binary on each
 * program as a ratio. No log. Seconds are processor time of the whole process, collector included, so that a busy machine
 * does not change them much. Fails on wrong verdicts; with `--strict` also below the limits at the top.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { assemble } from '../runtime/insn/assemble';
import { encode } from '../runtime/insn/encode';
import { lazyKernelBtf, loadFor } from '../runtime/host/loadFor';
import type { ObjectSpec, ProgramSpec } from '../runtime/loader/objectSpec';
import { rawObject } from '../runtime/loader/rawProgram';
import { DEFAULT_PROFILE, findProfile, type Profile } from '../runtime/spec/profile';
import { bytesToHex } from '../runtime/util/hexText';
import type { Verdict } from '../runtime/verifier/verdict';
import { Verification, type VerifyOptions } from '../runtime/verifier/verify';
import { generatedPrograms, SEED } from './verifierPrograms';

/** What `--strict` demands, on one core of a usual machine. */
const LEAST_MINSN_PER_S = 0.5;
const MOST_MS_PER_THOUSAND = 50;
const MOST_RSS_MIB = 1024;
const SLICE = 20_000;

interface Settings {
  kernel: string;
  rounds: number;
  only: string | undefined;
  peer: string | undefined;
  strict: boolean;
  readonly paths: string[];
}

interface Timing {
  readonly verdict: Verdict;
  readonly firstMs: number;
  readonly bestMs: number;
}

function readSettings(args: readonly string[]): Settings {
  const settings: Settings = {
    kernel: DEFAULT_PROFILE,
    rounds: 3,
    only: undefined,
    peer: undefined,
    strict: false,
    paths: [],
  };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--kernel') settings.kernel = rest.shift() ?? '';
    else if (arg === '--rounds') settings.rounds = Math.max(1, Number(rest.shift()) || 1);
    else if (arg === '--only') settings.only = rest.shift();
    else if (arg === '--peer') settings.peer = rest.shift();
    else if (arg === '--strict') settings.strict = true;
    else if (arg.startsWith('--')) throw new Error(`unknown option ${arg}`);
    else settings.paths.push(arg);
  }
  return settings;
}

function judge(
  program: ProgramSpec,
  object: ObjectSpec,
  profile: Profile,
  rounds: number,
  kernel: VerifyOptions = {},
): Timing {
  let firstMs = 0;
  let bestMs = Infinity;
  let verdict: Verdict | undefined;
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage();
    const verification = new Verification(program, object, profile, kernel);
    while (!verification.step(SLICE));
    verdict = verification.result();
    const used = process.cpuUsage(start);
    const ms = (used.user + used.system) / 1000;
    if (round === 0) firstMs = ms;
    bestMs = Math.min(bestMs, ms);
  }
  if (verdict === undefined) throw new Error('no round');
  return { verdict, firstMs, bestMs };
}

const rate = (insns: number, ms: number): number => insns / 1000 / ms;

function line(name: string, { verdict, firstMs, bestMs }: Timing, more = ''): string {
  const insns = verdict.stats.processedInsns;
  return [
    name.padEnd(24),
    verdict.verdict.padEnd(9),
    `${insns} insns`.padStart(14),
    `${(bestMs / 1000).toFixed(3)} s`.padStart(9),
    `${rate(insns, bestMs).toFixed(3)} M insn/s`.padStart(15),
    `(first round ${firstMs.toFixed(0)} ms)`,
    more,
  ]
    .join(' ')
    .trimEnd();
}

/** Verdicts and limits that were missed, as sentences. */
function benchGenerated(settings: Settings, profile: Profile): string[] {
  const missed: string[] = [];
  for (const { name, about, text, verdict: want, speed } of generatedPrograms()) {
    if (settings.only !== undefined && settings.only !== name) continue;
    const raw = rawObject({ id: name, type: 'socket_filter', insns: bytesToHex(encode(assemble(text))) });
    if (!raw.ok) throw new Error(`${name}: ${raw.problem.message}`);
    const { program, object } = raw.value;
    const timing = judge(program, object, profile, name === 'budget' ? 1 : settings.rounds);
    const { verdict, bestMs, firstMs } = timing;
    console.log(line(name, timing, about));
    if (verdict.verdict !== want) throw new Error(`${name}: ${verdict.verdict}: ${verdict.message}`);
    const insns = verdict.stats.processedInsns;
    if (speed && insns < 200_000) missed.push(`${name}: only ${insns} instructions processed`);
    if (speed && rate(insns, bestMs) < LEAST_MINSN_PER_S)
      missed.push(`${name}: below ${LEAST_MINSN_PER_S} M insn/s`);
    if (name === 'thousand' && firstMs > MOST_MS_PER_THOUSAND)
      missed.push(`${name}: ${firstMs.toFixed(0)} ms, more than ${MOST_MS_PER_THOUSAND} ms`);
  }
  const rssMib = process.resourceUsage().maxRSS / 1024;
  console.log(`largest resident size ${rssMib.toFixed(0)} MiB`);
  if (rssMib > MOST_RSS_MIB) missed.push(`${rssMib.toFixed(0)} MiB of memory`);
  return missed;
}

function objectsUnder(place: string): string[] {
  if (!fs.statSync(place).isDirectory()) return [place];
  return fs
    .readdirSync(place, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.o'))
    .sort()
    .map((name) => path.join(place, name));
}

/**
 * Processor time of the peer on one program, start of the process included; undefined when it cannot be run or takes too
 * long. The shell adds up the time of what it ran.
 */
function peerMs(peer: string, file: string, program: ProgramSpec): number | undefined {
  const command = '"$@" >/dev/null 2>&1; [ $? -ne 127 ] && times';
  const { stdout, error } = spawnSync(
    'sh',
    ['-c', command, 'sh', peer, file, program.section, program.name],
    {
      encoding: 'utf8',
      timeout: 600_000,
    },
  );
  const parts = error ? null : /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(stdout);
  if (parts === null) return undefined;
  const [userMin, userS, systemMin, systemS] = parts.slice(1).map(Number);
  return (userMin + systemMin) * 60_000 + (userS + systemS) * 1000;
}

function benchObjects(settings: Settings, profile: Profile): void {
  let insns = 0;
  let ms = 0;
  // Read once, before any time is taken.
  const { kernelBtf } = lazyKernelBtf(profile, {});
  const kernel: VerifyOptions = kernelBtf === undefined ? {} : { kernelBtf };
  for (const file of settings.paths.flatMap(objectsUnder)) {
    const loaded = loadFor({ file, bytes: fs.readFileSync(file), relaxed: false, btf: {} }, profile);
    if (!loaded.ok) {
      console.log(`${path.basename(file)}: ${loaded.problem.message}`);
      continue;
    }
    for (const program of loaded.value.programs) {
      const timing = judge(program, loaded.value, profile, settings.rounds, kernel);
      console.log(line(`${path.basename(file)}:${program.name}`, timing));
      ms += timing.bestMs;
      insns += timing.verdict.stats.processedInsns;
      if (settings.peer === undefined) continue;
      const theirs = peerMs(settings.peer, file, program);
      console.log(
        theirs === undefined
          ? '  the peer cannot be run'
          : `  peer ${(theirs / 1000).toFixed(3)} s: we are ${(theirs / timing.bestMs).toFixed(1)} times as fast, ${(theirs / timing.firstMs).toFixed(1)} at first sight`,
      );
    }
  }
  if (ms > 0) console.log(`objects: ${insns} insns, ${rate(insns, ms).toFixed(3)} M insn/s`);
}

function main(): void {
  const settings = readSettings(process.argv.slice(2));
  const profile = findProfile(settings.kernel);
  if (profile === undefined) throw new Error(`no profile ${settings.kernel}`);
  console.log(`verifier of ${profile.name}, seed 0x${SEED.toString(16)}, best of ${settings.rounds}`);
  const missed = settings.only === 'objects' ? [] : benchGenerated(settings, profile);
  benchObjects(settings, profile);
  for (const sentence of missed) console.log(`limit missed: ${sentence}`);
  if (settings.strict && missed.length > 0) process.exitCode = 1;
}

main();
