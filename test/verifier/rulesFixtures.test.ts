/**
 * Every fixture program against what three real kernels said of it: verdict, error number, final message, and the line
 * that the source's own `expect-error` comments name. Programs without such a comment are accepted.
 * `recorded.json` is made by `test/fixtures/verifier/record.mjs` from a run on the kernels themselves.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as zlib from 'node:zlib';
import * as path from 'node:path';
import { readBtf } from '../../runtime/btf/readBtf';
import type { Btf } from '../../runtime/btf/types';
import { loadObject } from '../../runtime/loader/loadObject';
import type { ObjectSpec, ProgramSpec } from '../../runtime/loader/objectSpec';
import { findProfile } from '../../runtime/spec/profile';
import { verify } from '../../runtime/verifier/verify';
import type { Verdict } from '../../runtime/verifier/verdict';
import { fixture, repoRoot } from '../support/paths';

interface Recorded {
  readonly verdict: Verdict['verdict'];
  readonly errno: number;
  readonly message: string;
  readonly insns: number;
}
type Kernel = '6.1' | '6.12' | '7.2';
const KERNELS: readonly Kernel[] = ['6.1', '6.12', '7.2'];

const folder = fixture('verifier');
const recorded = JSON.parse(fs.readFileSync(path.join(folder, 'recorded.json'), 'utf8')) as Record<
  string,
  Record<string, Record<Kernel, Recorded>>
>;

const kernelBtfs = new Map<Kernel, Btf>();
function kernelBtf(kernel: Kernel): Btf {
  let btf = kernelBtfs.get(kernel);
  if (btf === undefined) {
    const packed = fs.readFileSync(path.join(repoRoot, 'runtime', 'host', 'btf', `${kernel}.btf.br`));
    const read = readBtf('vmlinux', new Uint8Array(zlib.brotliDecompressSync(packed)));
    assert.ok(read.ok);
    kernelBtfs.set(kernel, (btf = read.value));
  }
  return btf;
}

function load(name: string, kernel: Kernel): ObjectSpec {
  const bytes = new Uint8Array(fs.readFileSync(path.join(folder, `${name}.bpf.o`)));
  const loaded = loadObject(`${name}.bpf.o`, bytes, { kernelBtf: kernelBtf(kernel) });
  assert.ok(loaded.ok, loaded.ok ? undefined : loaded.problem.message);
  return loaded.value;
}

/** Comments of a source: by line and kernel, the message that is expected there. */
function expectations(name: string): { line: number; kernels: readonly string[]; message: string }[] {
  const found: { line: number; kernels: readonly string[]; message: string }[] = [];
  fs.readFileSync(path.join(folder, `${name}.bpf.c`), 'utf8')
    .split('\n')
    .forEach((text, index) => {
      const comment = text.slice(text.indexOf('//') + 2);
      for (const part of comment.split(/(?=expect-error)/)) {
        const match = /^expect-error(?:\[([^\]]*)\])?: (.*?)\s*$/.exec(part);
        if (match !== null && text.includes('//')) {
          found.push({
            line: index + 1,
            kernels: match[1]?.split(',') ?? KERNELS,
            message: match[2] ?? '',
          });
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

/** libbpf names maps of global data after the object's file, which had another name when it was recorded; we name programs. */
const withoutObjectName = (message: string): string =>
  message.replace(/^map '[^']*\.bss'/, "map '.bss'").replace(/^program '[^']*': /, '');

/** What this verifier cannot judge yet, and says so. Anything else that is `unknown` fails. */
const NOT_JUDGED: ReadonlySet<string> = new Set([]);

for (const name of Object.keys(recorded).filter((key) => key !== 'kernels')) {
  describe(`verifier fixtures: ${name}`, () => {
    const objects = new Map<Kernel, ObjectSpec>();
    let comments: ReturnType<typeof expectations>;
    before(() => {
      for (const kernel of KERNELS) objects.set(kernel, load(name, kernel));
      comments = expectations(name);
    });
    for (const programName of Object.keys(recorded[name])) {
      for (const kernel of KERNELS) {
        const truth = recorded[name][programName][kernel];
        it(`${programName} on ${kernel} is ${truth.verdict}${truth.message === '' ? '' : `: ${truth.message}`}`, () => {
          const object = objects.get(kernel);
          const program = object?.programs.find((p) => p.name === programName);
          const profile = findProfile(kernel);
          assert.ok(object !== undefined && program !== undefined && profile !== undefined);
          const verdict = verify(program, object, profile, { kernelBtf: kernelBtf(kernel) });
          if (NOT_JUDGED.has(`${name}/${programName}`)) {
            assert.equal(verdict.verdict, 'unknown', 'this fixture is judged now: take it off the list');
            return;
          }
          assert.deepEqual(
            { verdict: verdict.verdict, errno: verdict.errno, message: withoutObjectName(verdict.message) },
            { verdict: truth.verdict, errno: truth.errno, message: withoutObjectName(truth.message) },
          );
          if (verdict.verdict !== 'rejected') return;
          const diagnostic = verdict.diagnostic;
          assert.ok(diagnostic !== undefined, 'a refusal is explained');
          assert.ok(diagnostic.reason.length > 20, diagnostic.code);
          assert.equal(diagnostic.message, truth.message);
          if (verdict.insn === undefined || verdict.insn < 0) return;
          const line = lineOf(program, verdict.insn);
          const wanted = comments.find(
            (comment) => comment.line === line && comment.kernels.includes(kernel),
          );
          assert.ok(
            wanted !== undefined,
            `refused on line ${line}, where no expect-error comment for ${kernel} stands`,
          );
          const glob = wanted.message.endsWith('*');
          const text = glob ? wanted.message.slice(0, -1) : wanted.message;
          assert.ok(
            glob ? truth.message.startsWith(text) : truth.message === text,
            `comment says: ${wanted.message}`,
          );
        });
      }
    }
  });
}
