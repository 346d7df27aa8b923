/**
 * Records what real kernels say of the examples, in two steps around whatever boots them:
 *
 *   node test/cli/recordExamples.mjs compile DIR        compiles every example to an object in DIR
 *   node test/cli/recordExamples.mjs record DIR JSONL   reads the kernels' answers, one JSON line per program and kernel
 *                                                       (file, prog, verdict, errno, error, kernel_key, processed_insns, log_file)
 *
 * The second writes test/fixtures/examples-recorded.json and the `expect` lines at the top of the rejected examples.
 * Needs compiled sources (`npx tsc -b runtime/host`).
 */
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';

const require = createRequire(import.meta.url);
const root = path.resolve(import.meta.dirname, '../..');
const [mode, dir, answers] = process.argv.slice(2);
const sources = ['examples', 'examples/races', 'examples/rejected'].flatMap((folder) =>
  fs
    .readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith('.bpf.c'))
    .map((name) => `${folder}/${name}`),
);
const objectName = (source) =>
  source
    .replace(/^examples\//, '')
    .replace('/', '-')
    .replace(/\.bpf\.c$/, '.bpf.o');

if (mode === 'compile') {
  const { objectOf } = require(path.join(root, 'out/runtime/host/verifyFiles.js'));
  fs.mkdirSync(dir, { recursive: true });
  for (const source of sources) {
    const object = await objectOf(path.join(root, source), undefined, { kernels: ['6.12'] });
    if (!object.ok) throw new Error(JSON.stringify(object));
    for (const d of object.value.diagnostics) console.log(`${source}:${d.line}: ${d.message}`);
    fs.writeFileSync(path.join(dir, objectName(source)), object.value.bytes);
  }
} else {
  const profileOf = { 6.1: '6.1', 6.12: '6.12', newest: '7.2' };
  const verdictOf = { ok: 'accepted', fail: 'rejected', libbpf_error: 'error' };
  const recorded = {};
  for (const line of fs.readFileSync(answers, 'utf8').split('\n')) {
    if (!line) continue;
    const answer = JSON.parse(line);
    const source = sources.find((s) => objectName(s) === path.basename(answer.file));
    if (!source) continue;
    const message = lastOf(answer);
    const place = answer.verdict === 'fail' ? placeOf(answer, message) : {};
    ((recorded[source] ??= {})[answer.prog ?? '*'] ??= {})[profileOf[answer.kernel_key]] = {
      verdict: verdictOf[answer.verdict] ?? answer.verdict,
      errno: answer.errno,
      message,
      ...place,
      ...(answer.verdict === 'ok' ? { processedInsns: answer.processed_insns } : {}),
    };
  }
  // 6.1's log names no lines; the same refusal on a newer kernel does.
  for (const programs of Object.values(recorded)) {
    for (const kernels of Object.values(programs)) {
      for (const row of Object.values(kernels)) {
        if (row.insn === undefined || row.line !== undefined) continue;
        const twin = Object.values(kernels).find(
          (other) => other.insn === row.insn && other.line !== undefined,
        );
        if (twin) row.line = twin.line;
      }
    }
  }
  const sorted = Object.fromEntries(Object.entries(recorded).sort(([a], [b]) => (a < b ? -1 : 1)));
  fs.writeFileSync(
    path.join(root, 'test/fixtures/examples-recorded.json'),
    `${JSON.stringify(sorted, null, 2)}\n`,
  );
  for (const [source, programs] of Object.entries(sorted)) {
    if (source.startsWith('examples/rejected/')) writeExpectation(path.join(root, source), programs);
  }
}

function lastOf(answer) {
  const lines = (answer.error ?? '').trim().split('\n');
  // Whoever asked the kernel loaded the object from memory under the name `o`; data maps are named after the file.
  const object = path
    .basename(answer.file)
    .replace(/^rejected-/, '')
    .split('.')[0]
    .slice(0, 8);
  return lines[lines.length - 1].replace(/^libbpf: /, '').replace(/map 'o\./, `map '${object}.`);
}

/** Slot and line of the last instruction walked before the message, for messages that are about an instruction. */
function placeOf(answer, message) {
  if (/combined stack size|cannot use bpf_timer yet/.test(message) || !answer.log_file) return {};
  let insn;
  let line;
  for (const text of fs.readFileSync(answer.log_file, 'utf8').split('\n')) {
    const source = /^; .* @ .*:(\d+)$/.exec(text);
    if (source) line = Number(source[1]);
    const walked = /^(\d+): \([0-9a-f]{2}\)/.exec(text);
    if (walked) insn = Number(walked[1]);
  }
  return { ...(insn === undefined ? {} : { insn }), ...(line === undefined ? {} : { line }) };
}

function writeExpectation(file, programs) {
  const groups = new Map();
  for (const kernels of Object.values(programs)) {
    for (const [kernel, row] of Object.entries(kernels)) {
      const what = row.verdict === 'accepted' ? 'accepted' : `${row.verdict}: ${row.message}`;
      groups.set(what, [...(groups.get(what) ?? []), kernel]);
    }
  }
  const lines = [...groups].map(([what, kernels]) => ` * expect on ${kernels.join(', ')}: ${what}`);
  const text = fs.readFileSync(file, 'utf8').split('\n');
  const end = text.indexOf(' */');
  const first = text.findIndex((line) => line.startsWith(' * expect'));
  text.splice(first, end - first, ...lines);
  fs.writeFileSync(file, text.join('\n'));
}
