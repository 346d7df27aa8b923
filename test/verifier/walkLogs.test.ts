/** Our level-2 logs are the kernels', line by line, on programs of the rule book whose logs were recorded. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { fixture } from '../support/paths';
import { ourWalkLogs, type WalkLogs } from '../support/walkLogs';

const recorded = JSON.parse(fs.readFileSync(fixture('rulebook', 'walkLogs.json'), 'utf8')) as WalkLogs;

describe('logs of the walk', () => {
  for (const [kernel, logs] of Object.entries(recorded.logs)) {
    describe(`on ${kernel}`, () => {
      const ids = Object.keys(logs);
      let ours: Map<string, string[]>;
      before(() => {
        ours = ourWalkLogs(kernel, ids);
      });
      for (const id of ids) {
        if (recorded.differs[kernel].includes(id)) {
          it(`${id} still differs`, () => {
            assert.notDeepEqual(ours.get(id), logs[id], 'equal now: take it off the list');
          });
        } else {
          it(id, () => {
            assert.deepEqual(ours.get(id), logs[id]);
          });
        }
      }
    });
  }
});
