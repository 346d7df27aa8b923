/** The reference page of findings: complete, in step with the tables, without holes where a program's details would stand. */
import * as assert from 'node:assert/strict';
import * as path from 'node:path';
import { diagnosticsPage, hasPage, pageLine } from '../../runtime/ide/diagnosticsPage';
import { EXPLANATIONS } from '../../runtime/verifier/diagnose/explanations';
import { matchesGolden } from '../support/golden';
import { repoRoot } from '../support/paths';

describe('The page of findings', () => {
  const page = diagnosticsPage();

  it('is docs/diagnostics.md as the tables make it', () => {
    matchesGolden(path.join(repoRoot, 'docs', 'diagnostics.md'), page);
  });

  it('has one heading for every code, on the line that links lead to', () => {
    const lines = page.split('\n');
    for (const code of [...Object.keys(EXPLANATIONS), 'not-modelled', 'rejected']) {
      assert.equal(lines.filter((line) => line === `## ${code}`).length, 1, code);
      assert.equal(lines[pageLine(page, code)! - 1], `## ${code}`);
      assert.ok(hasPage(code));
    }
    assert.equal(pageLine(page, 'no-such-code'), undefined);
    assert.equal(hasPage('no-such-code'), false);
  });

  it('leaves no hole where a name or number was not known', () => {
    assert.doesNotMatch(page, /undefined|NaN|''|'…'|\(\)|&\W/);
  });
});
