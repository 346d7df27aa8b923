/** Which maps kernels create: the table against what real kernels answered to some 2,000 definitions each. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { creationFault } from '../../runtime/spec/mapCreation';
import { MAP_TYPES } from '../../runtime/spec/mapTypes';
import { findProfile } from '../../runtime/spec/profile';
import { fixture } from '../support/paths';

/** Definitions are `key/value/entries/flags[/extra]`; none has types. */
interface Answer {
  readonly type: number;
  readonly errno: Readonly<Record<string, number>>;
  readonly definitions: string;
}

const ANSWERS = JSON.parse(fs.readFileSync(fixture('maps', 'creation.json'), 'utf8')) as Answer[];

describe('map creation', () => {
  for (const { id, name } of MAP_TYPES) {
    const asked = ANSWERS.filter(({ type }) => type === id);
    if (asked.length === 0) continue;
    it(`of ${name} is refused as kernels refuse it`, () => {
      for (const { errno, definitions } of asked) {
        for (const definition of definitions.split(' ')) {
          const [keySizeBytes, valueSizeBytes, maxEntries, flags, extra = 0] = definition
            .split('/')
            .map(Number);
          const shape = { type: name, keySizeBytes, valueSizeBytes, maxEntries, flags, typed: false };
          for (const [kernel, wanted] of Object.entries(errno)) {
            const profile = findProfile(kernel);
            assert.ok(profile);
            const fault = creationFault({ ...shape, mapExtra: BigInt(extra) }, profile);
            assert.equal(-(fault?.errno ?? 0) + 0, wanted, `${definition} on ${kernel}`);
          }
        }
      }
    });
  }

  it('of local storage needs types', () => {
    const profile = findProfile('6.12');
    assert.ok(profile);
    const shape = { keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 0, flags: 1, mapExtra: 0n };
    const storage = { ...shape, type: 'BPF_MAP_TYPE_TASK_STORAGE' };
    assert.equal(creationFault({ ...storage, typed: false }, profile)?.what, 'types');
    assert.equal(creationFault({ ...storage, typed: true }, profile), undefined);
    assert.equal(creationFault({ ...storage, typed: true, flags: 0 }, profile)?.what, 'flags');
  });
});
