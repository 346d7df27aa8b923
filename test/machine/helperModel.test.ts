import * as assert from 'node:assert/strict';
import { HELPER_HANDLERS } from '../../runtime/helpers/helpers';
import { HELPER_MODEL } from '../../runtime/spec/helperModel';

describe('the table of modelled helpers', () => {
  it('names exactly the helpers that have an implementation', () => {
    assert.deepEqual(Object.keys(HELPER_MODEL).sort(), Object.keys(HELPER_HANDLERS).sort());
  });

  it('says what is missing of every partial one', () => {
    for (const [name, row] of Object.entries(HELPER_MODEL))
      assert.equal(row.level === 'partial', row.note !== undefined, name);
  });
});
