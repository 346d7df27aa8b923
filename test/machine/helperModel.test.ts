import * as assert from 'node:assert/strict';
import { HELPER_HANDLERS } from '../../runtime/helpers/helpers';
import { findFamily } from '../../runtime/maps/maps';
import { HELPER_MODEL } from '../../runtime/spec/helperModel';
import { MAP_MODEL } from '../../runtime/spec/mapModel';
import { MAP_TYPES } from '../../runtime/spec/mapTypes';

describe('the table of modelled helpers', () => {
  it('names exactly the helpers that have an implementation', () => {
    assert.deepEqual(Object.keys(HELPER_MODEL).sort(), Object.keys(HELPER_HANDLERS).sort());
  });

  it('says what is missing of every partial one', () => {
    for (const [name, row] of Object.entries(HELPER_MODEL))
      assert.equal(row.level === 'partial', row.note !== undefined, name);
  });
});

describe('the table of modelled map types', () => {
  it('names exactly the types that can be created', () => {
    const created = MAP_TYPES.map((row) => row.name).filter((name) => findFamily(name) !== undefined);
    assert.deepEqual(Object.keys(MAP_MODEL).sort(), created.sort());
  });

  it('says what is missing of every partial one', () => {
    for (const [name, row] of Object.entries(MAP_MODEL))
      assert.equal(row?.level === 'partial', row?.note !== undefined, name);
  });
});
