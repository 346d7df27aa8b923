/** Our BPF headers agree with the tables they stand for. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { helperDefsHeader } from '../../runtime/host/helperDefs';
import { HELPERS } from '../../runtime/spec/helpers';
import { HELPER_PROTOTYPES } from '../../runtime/spec/helperPrototypes';
import { resourceFolder } from '../../runtime/host/resources';

describe('our headers', () => {
  it('declare every helper of the table under its own number and name', () => {
    for (const helper of HELPERS) {
      assert.match(
        HELPER_PROTOTYPES[helper.id] ?? '',
        new RegExp(`\\b${helper.name}\\(`),
        `helper ${helper.id}`,
      );
    }
    assert.equal(Object.keys(HELPER_PROTOTYPES).length, HELPERS.length);
  });

  it('are generated: the committed bpf_helper_defs.h is what the generator writes', () => {
    const file = path.join(resourceFolder('headers'), 'bpf', 'bpf_helper_defs.h');
    assert.equal(fs.readFileSync(file, 'utf8'), helperDefsHeader());
  });

  it('carry the licence that lets programs include them', () => {
    const folder = resourceFolder('headers');
    const headers = (fs.readdirSync(folder, { recursive: true }) as string[]).filter((name) =>
      name.endsWith('.h'),
    );
    assert.ok(headers.length > 20);
    for (const name of headers) {
      const [first] = fs.readFileSync(path.join(folder, name), 'utf8').split('\n');
      assert.match(first, /SPDX-License-Identifier: BSD-2-Clause OR GPL-2\.0/, name);
    }
  });
});
