/**
 * Holds our verdicts against a real kernel's, program by program, and sums them up. `unknown` counts as a disagreement;
 * accepting what the kernel refuses ("wrong acceptance") is counted apart, because it is the worst.
 */
import * as fs from 'node:fs';
import type { Btf } from '../../runtime/btf/types';
import { loadObject } from '../../runtime/loader/loadObject';
import { findProfile } from '../../runtime/spec/profile';
import { verify } from '../../runtime/verifier/verify';
import type { Verdict } from '../../runtime/verifier/verdict';
import type { KernelVerdict } from './verifyObjects';

export interface Comparison {
  readonly file: string;
  readonly program: string;
  readonly kernelSays: 'accepted' | 'rejected' | 'error';
  readonly weSay: Verdict['verdict'] | 'crash';
  readonly kernelMessage: string;
  readonly ourMessage: string;
  readonly kernelInsns: number;
  readonly ourInsns: number;
}

/** Pointers differ from boot to boot; a message without a line end runs into the statistics. */
const masked = (message: string): string =>
  message
    .replace(/\b(0x)?ffff[0-9a-f]{8,12}\b/g, 'PTR')
    .replace(/^libbpf: /, '')
    .replace(/verification time \d+ usec$/, '')
    .trim();

const STATE_OR_SOURCE =
  /^(;|\d+: |R\d+(_w)?=|fp-|\s|old state:|cur state:|from \d+ to \d+|last_idx|first_idx|regs=|mark_precise|parent )/;

/** The kernel's final message: the last line that is neither source text nor a state. */
export function finalMessage(answer: KernelVerdict): string {
  const lines = (answer.messages ?? answer.error ?? '').split('\n').filter((l) => l.trim() !== '');
  for (let i = lines.length - 1; i >= 0; i--) if (!STATE_OR_SOURCE.test(lines[i])) return masked(lines[i]);
  return masked(answer.error ?? '');
}

/** Our verdict on every program of `file` for `kernel`; a thrown exception is our bug and is reported as `crash`. */
export function judge(
  file: string,
  kernel: string,
  kernelBtf: Btf | undefined,
): Map<string, Verdict | Error> {
  const verdicts = new Map<string, Verdict | Error>();
  const profile = findProfile(kernel);
  if (!profile) throw new Error(`no profile ${kernel}`);
  const object = loadObject(file, fs.readFileSync(file), { kernelBtf, relaxed: true });
  if (!object.ok) return verdicts;
  for (const program of object.value.programs) {
    try {
      verdicts.set(program.name, verify(program, object.value, profile, { kernelBtf }));
    } catch (error) {
      verdicts.set(program.name, error as Error);
    }
  }
  return verdicts;
}

export function compare(answer: KernelVerdict, ours: Verdict | Error | undefined): Comparison {
  const crash = ours instanceof Error;
  return {
    file: answer.file,
    program: answer.prog ?? '',
    kernelSays: answer.verdict === 'ok' ? 'accepted' : answer.verdict === 'fail' ? 'rejected' : 'error',
    weSay: crash ? 'crash' : (ours?.verdict ?? 'error'),
    kernelMessage: answer.verdict === 'ok' ? '' : finalMessage(answer),
    ourMessage: crash ? (ours.stack ?? ours.message) : masked(ours?.message ?? ''),
    kernelInsns: answer.processed_insns ?? 0,
    ourInsns: crash ? 0 : (ours?.stats.processedInsns ?? 0),
  };
}

export interface Agreement {
  programs: number;
  agree: number;
  wrongAcceptances: number;
  wrongRejections: number;
  unknown: number;
  crashes: number;
  bothRejected: number;
  sameMessage: number;
  bothAccepted: number;
  sameCount: number;
}

export function summarise(comparisons: readonly Comparison[]): Agreement {
  const count = (test: (c: Comparison) => boolean): number => comparisons.filter(test).length;
  return {
    programs: comparisons.length,
    agree: count((c) => c.kernelSays === c.weSay),
    wrongAcceptances: count((c) => c.weSay === 'accepted' && c.kernelSays !== 'accepted'),
    wrongRejections: count((c) => c.weSay === 'rejected' && c.kernelSays === 'accepted'),
    unknown: count((c) => c.weSay === 'unknown'),
    crashes: count((c) => c.weSay === 'crash'),
    bothRejected: count((c) => c.weSay === 'rejected' && c.kernelSays === 'rejected'),
    sameMessage: count(
      (c) => c.weSay === 'rejected' && c.kernelSays === 'rejected' && c.ourMessage === c.kernelMessage,
    ),
    bothAccepted: count((c) => c.weSay === 'accepted' && c.kernelSays === 'accepted'),
    sameCount: count(
      (c) => c.weSay === 'accepted' && c.kernelSays === 'accepted' && c.ourInsns === c.kernelInsns,
    ),
  };
}

const percent = (part: number, whole: number): string =>
  whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`;

/** One line a kernel, for people. */
export function agreementLine(name: string, a: Agreement): string {
  return [
    `${name}: ${a.programs} programs, ${percent(a.agree, a.programs)} agree`,
    `${a.wrongAcceptances} wrong acceptances`,
    `${a.wrongRejections} wrong rejections`,
    `${a.unknown} unknown`,
    `${a.crashes} crashes`,
    `same message ${a.sameMessage}/${a.bothRejected}`,
    `same count ${a.sameCount}/${a.bothAccepted}`,
  ].join(', ');
}
