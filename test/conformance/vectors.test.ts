import * as assert from 'node:assert/strict';
import { OPCODES, type OpcodeRow } from '../../runtime/spec/opcodes';
import { checkVector, generatedVectors, handWrittenVectors, type Vector } from './vectors';

describe('conformance vectors', function () {
  this.timeout(60_000);
  const byOpcode = new Map<string, Vector[]>();
  for (const vector of generatedVectors()) {
    const list = byOpcode.get(vector.opcode ?? '') ?? [];
    list.push(vector);
    byOpcode.set(vector.opcode ?? '', list);
  }
  for (const [opcode, vectors] of byOpcode)
    it(`${opcode} gives what the RFC says on ${vectors.length} operand pairs`, () => {
      for (const vector of vectors) assert.equal(checkVector(vector), undefined, vector.name);
    });

  for (const vector of handWrittenVectors())
    it(vector.name, () => {
      assert.equal(checkVector(vector), undefined);
    });

  it('leave out no instruction that has a value', () => {
    const alone = ['goto', 'gotox', 'mayGoto', 'call', 'callx', 'exit', 'lddw', 'loadAbs', 'loadInd'];
    for (const [name, row] of Object.entries(OPCODES) as [string, OpcodeRow][])
      assert.ok(byOpcode.has(name) || alone.includes(row.kind) || row.kind === 'addrSpaceCast', name);
  });

  it('can fail', () => {
    const [vector] = generatedVectors();
    assert.match(checkVector({ ...vector, r0: 12345n }) ?? '', /expected 0x3039/);
    const store = generatedVectors().find((v) => v.opcode === 'store64');
    assert.ok(store);
    assert.match(checkVector({ ...store, memoryAfter: new Uint8Array(24) }) ?? '', /memory =/);
  });
});
