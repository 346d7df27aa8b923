/** The link of a diagnostic's code leads to the line of the page that explains it, and only where there is one. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { URI } from 'vscode-uri';
import { findingPage } from '../../server/findingPage';

describe('the link of a finding', () => {
  it('leads to the heading of its code', () => {
    const link = URI.parse(findingPage('timer-map-mismatch') ?? '');
    const line = Number(/^L(\d+)$/.exec(link.fragment)?.[1]);
    assert.equal(fs.readFileSync(link.fsPath, 'utf8').split('\n')[line - 1], '## timer-map-mismatch');
  });

  it('is absent for a code without a page', () => {
    assert.equal(findingPage('section-unknown'), undefined);
  });
});
