/** What a launch configuration of type `bpf` may say, checked: everything else in the adapter trusts it. */
import { hexToBytes } from '../runtime/util/hexText';
import { findProfile, PROFILES } from '../runtime/spec/profile';
import { UserError } from './userError';

export interface LaunchArguments {
  readonly program: string;
  /** Program (C function) to run; absent: all that can be run, once, in file order. */
  readonly bpfProgram?: string;
  readonly kernel: string;
  readonly scenario?: string;
  /** Virtual time after which the run ends. */
  readonly advanceNs: bigint;
  readonly cpus: number;
  readonly seed: number;
  readonly stopOnEntry: boolean;
  /** Hex or path of a .pcap. */
  readonly packet?: string;
  readonly ctx?: Uint8Array;
  readonly compilerPath?: string;
  readonly compilerFlags: readonly string[];
  readonly kernelBtf?: string;
  /** Run without stopping anywhere. */
  readonly noDebug: boolean;
}

const TEN_MINUTES_NS = 600_000_000_000n;
const UNITS_NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** @throws UserError naming the setting, what it was, and what it may be. */
export function checkLaunchArguments(raw: Readonly<Record<string, unknown>>): LaunchArguments {
  const wrong = (name: string, may: string): UserError =>
    new UserError(`launch.json: "${name}" is ${JSON.stringify(raw[name])}; it must be ${may}.`, true);
  const text = (name: string): string | undefined => {
    const value = raw[name];
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value !== 'string') throw wrong(name, 'a text');
    return value;
  };
  const integer = (name: string, least: number, most: number, absent: number): number => {
    const value = raw[name];
    if (value === undefined || value === null) return absent;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      throw wrong(name, `a whole number from ${least} to ${most}`);
    return value;
  };
  const program = text('program');
  if (program === undefined)
    throw new UserError(
      'launch.json: "program" is missing. Name a BPF program: a C file (*.bpf.c) or an object file.',
      true,
    );
  const kernel = text('kernel') ?? '6.12';
  if (!findProfile(kernel)) throw wrong('kernel', `one of ${PROFILES.map((p) => p.name).join(', ')}`);
  const flags = raw.compilerFlags ?? [];
  if (!Array.isArray(flags) || flags.some((f) => typeof f !== 'string'))
    throw wrong('compilerFlags', 'a list of texts');
  const ctxText = text('ctx');
  const ctx = ctxText === undefined ? undefined : hexToBytes(ctxText);
  if (ctx && !ctx.ok) throw wrong('ctx', 'bytes in hex');
  const advance = raw.advance;
  return {
    program,
    bpfProgram: text('bpfProgram'),
    kernel,
    scenario: text('scenario'),
    advanceNs:
      advance === undefined || advance === null || advance === ''
        ? TEN_MINUTES_NS
        : durationNs(advance, wrong),
    cpus: integer('cpus', 1, 64, 2),
    seed: integer('seed', 0, 0xffff_ffff, 1),
    stopOnEntry: raw.stopOnEntry === true,
    packet: text('packet'),
    ctx: ctx?.value,
    compilerPath: text('compilerPath'),
    compilerFlags: flags as string[],
    kernelBtf: text('kernelBtf'),
    noDebug: raw.noDebug === true,
  };
}

function durationNs(value: unknown, wrong: (name: string, may: string) => UserError): bigint {
  const m =
    typeof value === 'string' ? /^\s*(\d{1,9})(?:\.(\d{1,9}))?\s*(ns|us|µs|ms|s|m|h)?\s*$/.exec(value) : null;
  if (!m) throw wrong('advance', 'a duration such as "10ms", "1.5s" or "10m"');
  const unit = UNITS_NS[(m[3] as string | undefined) ?? 'ns'];
  const fraction = (m[2] as string | undefined) ?? '';
  return (
    BigInt(m[1]) * unit + (fraction === '' ? 0n : (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length))
  );
}
