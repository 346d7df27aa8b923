/** The browser bundle must load where there is no Node: in a web worker of Chromium. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { chromium } from 'playwright-core';
import { repoRoot } from '../support/paths';
import { chromiumPath } from './support/vscode';

describe('the browser bundle', () => {
  it('loads in a web worker and offers the loader, the verifier and the machine', async () => {
    const code = fs.readFileSync(path.join(repoRoot, 'dist', 'browser.js'), 'utf8');
    const browser = await chromium.launch({
      executablePath: chromiumPath(),
      args: ['--no-sandbox', '--disable-gpu'],
    });
    try {
      const page = await browser.newPage();
      // Served by the test itself: nothing goes out.
      const files: Record<string, readonly [type: string, body: string]> = {
        '/': ['text/html', '<!doctype html><title>bundle</title>'],
        '/browser.js': ['text/javascript', code],
        '/worker.js': [
          'text/javascript',
          "import * as all from './browser.js'; postMessage(Object.keys(all));",
        ],
      };
      await page.route('http://localhost/**', (route) => {
        const [contentType, body] = files[new URL(route.request().url()).pathname] ?? ['text/plain', ''];
        return route.fulfill({ contentType, body });
      });
      await page.goto('http://localhost/');
      const found = await page.evaluate(
        () =>
          new Promise<string[]>((resolve, reject) => {
            const worker = new Worker('/worker.js', { type: 'module' });
            worker.onmessage = (event: MessageEvent<string[]>) => resolve(event.data);
            worker.onerror = (event) => reject(new Error(event.message));
          }),
      );
      for (const name of ['loadObject', 'Verification', 'Machine', 'verdictDiagnostics']) {
        assert.ok(found.includes(name), `${name} is missing in ${found.join(', ')}`);
      }
    } finally {
      await browser.close();
    }
  });
});
