/**
 * `npm run test:conformance [-- PATH]`: our own vectors, and with the path of a bpf_conformance checkout (or of its
 * tests folder, or of single `.data` files) those files too. Prints failures and a count; exit status 1 when any fails.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { readSuiteFile } from './suiteFile';
import { runProgram } from './runProgram';
import { allVectors, checkVector } from './vectors';

/** Undefined when the file passes, else why not. */
function judge(file: string): string | undefined {
  const test = readSuiteFile(fs.readFileSync(file, 'utf8'));
  if (test.raw !== undefined && JSON.stringify(test.raw) !== JSON.stringify(test.insns))
    return 'assembled differently from the raw words';
  for (const checked of [true, false]) {
    const outcome = runProgram(test.insns, test.memory, checked);
    if (test.error !== undefined) {
      if (outcome.fault === undefined) return `an error was expected, r0 = 0x${outcome.r0.toString(16)}`;
    } else if (outcome.fault !== undefined) {
      return `insn ${outcome.fault.insnIdx}: ${outcome.fault.message}`;
    } else if (outcome.r0 !== test.result) {
      return `r0 = 0x${outcome.r0.toString(16)}, expected 0x${test.result?.toString(16)}`;
    }
  }
  return undefined;
}

function dataFiles(target: string): string[] {
  if (fs.statSync(target).isFile()) return [target];
  const tests = path.join(target, 'tests');
  const folder = fs.existsSync(tests) ? tests : target;
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.data'))
    .sort()
    .map((name) => path.join(folder, name));
}

function main(args: readonly string[]): number {
  let failedTotal = 0;
  const report = (title: string, results: readonly (readonly [string, string | undefined])[]): void => {
    const failed = results.filter(([, why]) => why !== undefined);
    for (const [name, why] of failed) console.log(`FAIL ${name}: ${why}`);
    console.log(`${title}: ${results.length - failed.length} passed, ${failed.length} failed`);
    failedTotal += failed.length;
  };
  report(
    'own vectors',
    allVectors().map((vector) => [vector.name, checkVector(vector)] as const),
  );
  for (const target of args) {
    if (!fs.existsSync(target)) {
      console.error(`${target}: no such file or folder`);
      return 2;
    }
    const files = dataFiles(target);
    if (files.length === 0) {
      console.error(`${target}: no .data files there; give the path of a bpf_conformance checkout`);
      return 2;
    }
    const results = files.map((file): readonly [string, string | undefined] => {
      try {
        return [path.basename(file), judge(file)];
      } catch (error) {
        return [path.basename(file), error instanceof Error ? error.message : String(error)];
      }
    });
    report(target, results);
  }
  return failedTotal === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
