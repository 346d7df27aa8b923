/** Compiled fixtures for the machine's tests, loaded through the real loader. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { loadObject } from '../../runtime/loader/loadObject';
import type { ObjectSpec } from '../../runtime/loader/objectSpec';
import { Machine, type MachineOptions } from '../../runtime/machine/machine';
import { loadFor } from '../../runtime/host/loadFor';
import { findProfile, type Profile } from '../../runtime/spec/profile';
import { repoRoot } from '../support/paths';

/** An object of `test/fixtures/machine`, without the ending. */
export function readObject(name: string): ObjectSpec {
  const file = path.join(repoRoot, 'test/fixtures/machine', `${name}.o`);
  const loaded = loadObject(`${name}.o`, fs.readFileSync(file));
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.problem.message);
  return loaded.value;
}

/** An object that needs what is known of the kernel's types: its functions, or what it traces. */
export function readObjectFor(name: string, profile: Profile): ObjectSpec {
  const file = path.join(repoRoot, 'test/fixtures/machine', `${name}.o`);
  const loaded = loadFor({ file, bytes: fs.readFileSync(file), relaxed: false, btf: {} }, profile);
  assert.ok(loaded.ok);
  return loaded.value;
}

/** A machine with the object loaded on kernel 6.12 unless told otherwise. */
export function machineOf(
  name: string,
  options: Partial<MachineOptions> & { readonly kernel?: string } = {},
): Machine {
  const profile = findProfile(options.kernel ?? '6.12');
  assert.ok(profile);
  const machine = Machine.load(readObject(name), { profile, checked: true, ...options });
  assert.ok(machine.ok, machine.ok ? '' : machine.problem.message);
  return machine.value;
}

/** Starts a program and runs it to its end; its r0. */
export function runProgram(
  machine: Machine,
  name: string,
  options: Parameters<Machine['start']>[1] = {},
): number {
  const program = machine.findProgram(name);
  assert.ok(program, `no program ${name}`);
  const started = machine.start(program, options);
  assert.ok(started.ok, started.ok ? '' : started.problem.message);
  const stop = machine.runToEnd();
  assert.equal(
    stop.kind,
    'idle',
    JSON.stringify(stop, (_k, v: unknown) => (typeof v === 'bigint' ? String(v) : v)),
  );
  const last = machine.returnValues().at(-1);
  assert.ok(last);
  return last.value;
}
