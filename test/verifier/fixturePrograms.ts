/**
 * What the tests over recorded fixtures share: the objects, the kernels' types, the comments of the sources, and the
 * comparison of one program's verdict with what a real kernel said of it.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as zlib from 'node:zlib';
import { readBtfWithModules } from '../../runtime/btf/readBtf';
import type { Btf } from '../../runtime/btf/types';
import { loadObject } from '../../runtime/loader/loadObject';
import type { ObjectSpec, ProgramSpec } from '../../runtime/loader/objectSpec';
import { objectForKernel } from '../../runtime/loader/forKernel';
import { findProfile } from '../../runtime/spec/profile';
import type { Verdict } from '../../runtime/verifier/verdict';
import { verify } from '../../runtime/verifier/verify';
import { repoRoot } from '../support/paths';

export type Kernel = '6.1' | '6.12' | '7.2';
export const KERNELS: readonly Kernel[] = ['6.1', '6.12', '7.2'];

/** What a kernel said of a program. */
export interface Recorded {
  readonly verdict: Verdict['verdict'];
  readonly errno: number;
  readonly message: string;
  /** Lines that stand before the final one, when there are any. */
  readonly before?: readonly string[];
  readonly insns: number;
}
/** By object, program and kernel; a program is recorded on the kernels that its source names. */
export type RecordedPrograms = Readonly<
  Record<string, Readonly<Record<string, Partial<Record<Kernel, Recorded>>>>>
>;

export interface Expectation {
  readonly line: number;
  readonly kernels: readonly string[];
  readonly message: string;
}

const kernelBtfs = new Map<Kernel, Btf>();

export function kernelBtf(kernel: Kernel): Btf {
  let btf = kernelBtfs.get(kernel);
  if (btf === undefined) {
    const folder = path.join(repoRoot, 'runtime', 'host', 'btf');
    const unpacked = (name: string): Uint8Array =>
      new Uint8Array(zlib.brotliDecompressSync(fs.readFileSync(path.join(folder, `${name}.btf.br`))));
    const modules = ['nf_conntrack', 'nf_nat'].map((module) => unpacked(`${kernel}.${module}`));
    const read = readBtfWithModules('vmlinux', unpacked(kernel), modules);
    assert.ok(read.ok);
    kernelBtfs.set(kernel, (btf = read.value));
  }
  return btf;
}

export function loadFixture(folder: string, name: string, kernel: Kernel): ObjectSpec {
  const bytes = new Uint8Array(fs.readFileSync(path.join(folder, `${name}.bpf.o`)));
  const loaded = loadObject(`${name}.bpf.o`, bytes, { kernelBtf: kernelBtf(kernel) });
  assert.ok(loaded.ok, loaded.ok ? undefined : loaded.problem.message);
  const profile = findProfile(kernel);
  assert.ok(profile);
  return objectForKernel(loaded.value, profile);
}

/** `expect-error` comments of a source: by line and kernel, the message that is expected there. */
export function expectations(folder: string, name: string): Expectation[] {
  const found: Expectation[] = [];
  fs.readFileSync(path.join(folder, `${name}.bpf.c`), 'utf8')
    .split('\n')
    .forEach((text, index) => {
      const comment = text.slice(text.indexOf('//') + 2);
      for (const part of comment.split(/(?=expect-error)/)) {
        const match = /^expect-error(?:\[([^\]]*)\])?: (.*?)\s*$/.exec(part);
        if (match !== null && text.includes('//')) {
          found.push({ line: index + 1, kernels: match[1]?.split(',') ?? KERNELS, message: match[2] ?? '' });
        }
      }
    });
  return found;
}

function lineOf(program: ProgramSpec, insn: number): number {
  let line = 0;
  for (const entry of program.lines) {
    if (entry.insnIdx > insn) break;
    line = entry.line;
  }
  return line;
}

/**
 * libbpf names maps of global data after the object's file, which had another name when it was recorded; we name programs; and a
 * kernel's pointers differ from boot to boot.
 */
const withoutNames = (message: string): string =>
  message
    .replace(/^map '[^']*\.bss'/, "map '.bss'")
    .replace(/^program '[^']*': /, '')
    .replace(/\b(0x)?ffff[0-9a-f]{8,12}\b/g, 'PTR')
    .trim();

export interface Outcome {
  readonly verdict: string;
  readonly errno: number;
  readonly message: string;
}

export function judge(program: ProgramSpec, object: ObjectSpec, kernel: Kernel): Verdict {
  const profile = findProfile(kernel);
  assert.ok(profile !== undefined);
  return verify(program, object, profile, { kernelBtf: kernelBtf(kernel) });
}

export const comparable = (outcome: Outcome): Outcome => ({
  verdict: outcome.verdict,
  errno: outcome.errno,
  message: withoutNames(outcome.message),
});

/** A refusal is explained, and refused on a line beside which a comment says so in the kernel's words. */
export function checkRefusal(
  verdict: Verdict,
  truth: Recorded,
  program: ProgramSpec,
  comments: readonly Expectation[],
  kernel: Kernel,
): void {
  if (verdict.verdict !== 'rejected') return;
  const diagnostic = verdict.diagnostic;
  assert.ok(diagnostic !== undefined, 'a refusal is explained');
  assert.ok(diagnostic.reason.length > 20, diagnostic.code);
  assert.equal(withoutNames(diagnostic.message), withoutNames(truth.message));
  if (verdict.insn === undefined || verdict.insn < 0) return;
  const line = lineOf(program, verdict.insn);
  if (line === 0) return;
  const wanted = comments.filter((comment) => comment.line === line && comment.kernels.includes(kernel));
  assert.ok(wanted.length > 0, `refused on line ${line}, where no expect-error comment for ${kernel} stands`);
  assert.ok(
    wanted.some(({ message }) =>
      message.endsWith('*') ? truth.message.startsWith(message.slice(0, -1)) : truth.message === message,
    ),
    `comment says: ${wanted.map((c) => c.message).join(' or ')}`,
  );
}
