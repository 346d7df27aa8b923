/** Reads the options that several commands share. A wrong value is a usage error that says what is right. */
import { DEFAULT_PROFILE } from '../runtime/spec/profile';
import { kernelsFrom } from '../runtime/host/verifyFiles';
import { CommandFailure, usage } from './output';

export interface SharedOptions {
  readonly kernel?: string;
  readonly btf?: string;
  readonly format?: string;
  readonly compiler?: string;
  readonly cflag?: readonly string[];
  readonly include?: readonly string[];
  readonly define?: readonly string[];
}

/** Profile names; the default profile when none is named. */
export function kernelList(option: string | undefined): string[] {
  const kernels = kernelsFrom(option ?? DEFAULT_PROFILE);
  if (!kernels.ok) throw new CommandFailure(kernels.problem);
  return kernels.value;
}

/** One profile, for commands that run. */
export function oneKernel(option: string | undefined): string {
  const kernels = kernelList(option);
  if (kernels.length !== 1) throw usage('this command takes one kernel', 'For example --kernel 6.12.');
  return kernels[0];
}

export function formatOf<F extends string>(option: string | undefined, known: readonly F[]): F {
  const format = (option ?? 'text') as F;
  if (!known.includes(format)) throw usage(`there is no format "${format}"`, `Known: ${known.join(', ')}.`);
  return format;
}

const UNIT_NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  min: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const LONGEST_NS = 1n << 62n;

/** `10ms`, `1.5s`, `200us`, `0` → nanoseconds. */
export function durationNs(text: string, option: string): bigint {
  const parts = /^(\d{1,18})(?:\.(\d{1,9}))?(ns|us|ms|s|min|m|h)?$/.exec(text.trim());
  const unit = parts ? UNIT_NS[parts[3] ?? (/^0+$/.test(parts[1]) ? 'ns' : '')] : undefined;
  if (!parts || unit === undefined) {
    throw usage(`${option}: "${text}" is no duration`, 'Write a number and a unit: 500us, 10ms, 1.5s, 2min.');
  }
  const fraction = parts[2] ?? '';
  const ns = BigInt(parts[1]) * unit + (BigInt(fraction || '0') * unit) / 10n ** BigInt(fraction.length);
  if (ns > LONGEST_NS) throw usage(`${option}: ${text} is longer than virtual time goes`);
  return ns;
}

export function hexBytes(text: string, option: string): Uint8Array {
  const digits = text.replace(/^0x/i, '').replace(/[\s:_]/g, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) {
    throw usage(`${option}: "${text.slice(0, 40)}" is not bytes in hexadecimal`, 'For example 0a0b0c0d.');
  }
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

export function wholeNumber(text: string, option: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw usage(`${option}: "${text}" is not a number from ${least} to ${most}`);
  }
  return value;
}

const MOST_CPUS = 8192;

/** `--cpus`: undefined when it was not given. */
export const cpusOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : wholeNumber(text, '--cpus', 1, MOST_CPUS);

/** `2/8`: the second of eight parts. */
export function shardOf(text: string): { index: number; count: number } {
  const parts = /^(\d{1,6})\/(\d{1,6})$/.exec(text);
  const index = Number(parts?.[1]);
  const count = Number(parts?.[2]);
  if (!parts || index < 1 || index > count) {
    throw usage(`--shard: "${text}" is no share`, 'Write i/n with 1 ≤ i ≤ n, for example 2/8.');
  }
  return { index, count };
}

/** Compiler flags of `-I`, `-D` and `--cflag`, in that order. */
export function userFlags(options: SharedOptions): string[] {
  return [
    ...(options.include ?? []).flatMap((dir) => ['-I', dir]),
    ...(options.define ?? []).map((macro) => `-D${macro}`),
    ...(options.cflag ?? []),
  ];
}
