/** The benchmark of the model runs, on sizes that say nothing about speed. */
import * as assert from 'node:assert/strict';
import { benchModel } from '../../bench/model';

describe('the benchmark of the model', function () {
  this.timeout(60_000);

  it('arms and fires what it says, and searches to the end', async () => {
    const lines: string[] = [];
    await benchModel({ seconds: 0.01, timers: [100], strict: false, print: (line) => lines.push(line) });
    assert.match(lines.join('\n'), /^\s+100\s/m);
    assert.match(lines.join('\n'), /^\s+4\s+\d+/m);
    assert.match(lines.join('\n'), /^\s+4, all\s+\d+/m);
  });
});
