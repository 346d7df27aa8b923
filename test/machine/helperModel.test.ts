import * as assert from 'node:assert/strict';
import { HELPER_HANDLERS } from '../../runtime/helpers/helpers';
import { KFUNC_HANDLERS } from '../../runtime/helpers/kfuncs';
import { findFamily } from '../../runtime/maps/maps';
import { HELPER_MODEL } from '../../runtime/spec/helperModel';
import { HELPERS } from '../../runtime/spec/helpers';
import { KFUNC_MODEL, type KfuncModel } from '../../runtime/spec/kfuncModel';
import { MAP_MODEL } from '../../runtime/spec/mapModel';
import { MAP_TYPES } from '../../runtime/spec/mapTypes';

describe('the table of modelled helpers', () => {
  it('names exactly the helpers that have an implementation', () => {
    const modelled = Object.entries(HELPER_MODEL).filter(([, row]) => row?.level !== 'none');
    assert.deepEqual(modelled.map(([name]) => name).sort(), Object.keys(HELPER_HANDLERS).sort());
    assert.deepEqual(Object.keys(HELPER_MODEL).sort(), HELPERS.map((row) => row.name).sort());
  });

  it('says what is missing of every partial one', () => {
    for (const [name, row] of Object.entries(HELPER_MODEL))
      assert.equal(row?.level !== 'full', row?.note !== undefined, name);
  });
});

describe('the table of modelled kernel functions', () => {
  it('says what is missing of every partial one', () => {
    for (const [name, row] of Object.entries<KfuncModel>(KFUNC_MODEL)) {
      assert.equal(row.level === 'partial', row.note !== undefined, name);
      assert.ok(KFUNC_HANDLERS[name], name);
    }
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
