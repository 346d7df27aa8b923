import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { loadObject } from '../../runtime/loader/loadObject';
import { Machine } from '../../runtime/machine/machine';
import { findProfile } from '../../runtime/spec/profile';
import { fixture } from '../support/paths';
import { runProgram } from './objects';

describe('jump tables', () => {
  const file = fixture('rulebook', 'jumpTables.bpf.o');
  const profile = findProfile('7.2');
  const only = [
    'by_constant',
    'by_index',
    'by_index_same_twice',
    'descending',
    'two_tables',
    'table_of_function',
    'loop',
  ];

  function machine(): Machine {
    const object = loadObject(file, fs.readFileSync(file));
    assert.ok(object.ok && profile);
    const made = Machine.load(object.value, { profile, checked: true, programs: only });
    assert.ok(made.ok, made.ok ? '' : made.problem.message);
    return made.value;
  }

  it('lead where their entries say', () => {
    const run = (name: string, length: number): number =>
      runProgram(machine(), name, { packet: new Uint8Array(length) });
    assert.equal(run('by_constant', 64), 1);
    assert.deepEqual([run('by_index', 64), run('by_index', 65)], [0, 1]);
    assert.deepEqual([run('descending', 64), run('descending', 65)], [1, 0]);
    assert.deepEqual([run('by_index_same_twice', 64), run('by_index_same_twice', 65)], [0, 0]);
    assert.deepEqual([run('two_tables', 64), run('two_tables', 65)], [0, 3]);
    assert.equal(run('table_of_function', 65), 0);
    assert.equal(run('loop', 64), 0);
  });

  it('are maps of the program that refers to them, and show which instruction an entry stands for', () => {
    const views = machine().maps();
    const tables = views.filter((map) => map.name === '.jumptables');
    assert.equal(tables.length, 8);
    assert.deepEqual([...new Set(tables.map((map) => map.type))].concat(String(tables[0].maxEntries)), [
      'BPF_MAP_TYPE_INSN_ARRAY',
      '2',
    ]);
  });

  it('give nothing else to jump to', () => {
    const object = loadObject(file, fs.readFileSync(file));
    assert.ok(object.ok && profile);
    const made = Machine.load(object.value, { profile, checked: true, programs: ['number_as_address'] });
    assert.ok(made.ok);
    const program = made.value.findProgram('number_as_address');
    assert.ok(program);
    assert.ok(made.value.start(program, {}).ok);
    assert.notEqual(made.value.runToEnd().kind, 'idle');
  });
});
