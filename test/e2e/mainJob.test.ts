/**
 * The main job in a real VS Code, with the packed extension: a verdict on the right expression, F5, a stop inside a
 * timer callback, the Timers panel, the Maps view and its changes, and the frames that armed the timer. Each step
 * leaves a screenshot for people to look at.
 */
import * as assert from 'node:assert/strict';
import * as path from 'node:path';
import type { Locator } from 'playwright-core';
import { repoRoot } from '../support/paths';
import { VsCode } from './support/vscode';

const EXAMPLES = path.join(repoRoot, 'examples');

/** Text of a tree row as a person reads it. */
const rowText = async (row: Locator): Promise<string> => (await row.innerText()).replace(/\s+/g, ' ').trim();

describe('BPF Studio in a real VS Code', function () {
  this.slow(60_000);
  let code: VsCode;

  before(async () => {
    code = await VsCode.start({ workspace: EXAMPLES });
  });
  after(() => code?.stop());
  afterEach(async function () {
    if (this.currentTest?.state !== 'failed') return;
    await code.screenshot(`failed-${this.currentTest.title.replace(/\W+/g, '-').slice(0, 60)}`);
    console.error(code.logs());
  });

  it('underlines the expression that the verifier refuses, and says why', async () => {
    const file = 'rejected/other_map.bpf.c';
    await code.open(file);
    const { page } = code;
    await page.locator('.monaco-editor .squiggly-error').first().waitFor();
    await code.command('Problems: Focus on Problems View');
    const problem = page.locator('.markers-panel .monaco-list-row', {
      hasText: 'arm is rejected by Linux 6.12',
    });
    await problem.first().waitFor();
    const line = code.lineOf(file, 'bpf_timer_init(&job->timer, &others');
    assert.match(await rowText(problem.first()), new RegExp(`\\[Ln ${line}, Col 2\\]`));
    // Going to the problem selects its range: the call, from its name to its closing parenthesis.
    await problem.first().dblclick();
    const call = 'bpf_timer_init(&job->timer, &others, CLOCK_MONOTONIC)';
    await page.locator('#status\\.editor\\.selection', { hasText: `Ln ${line}, ` }).waitFor();
    await page.locator('#status\\.editor\\.selection', { hasText: `(${call.length} selected)` }).waitFor();
    await page.keyboard.press('Control+k');
    await page.keyboard.press('Control+i');
    await page.locator('.monaco-hover:visible', { hasText: 'Kernel: timer pointer in R1' }).first().waitFor();
    await code.screenshot('1-verdict');
    await page.keyboard.press('Escape');
  });

  it('shows every program with its verdict in the Programs view and the status bar', async () => {
    const { page } = code;
    await code.command('BPF Studio: Verify All BPF Files');
    const rows = page.locator('.sidebar .monaco-list-row');
    await rows.filter({ hasText: 'heartbeat.bpf.c' }).first().waitFor();
    await rows
      .filter({ hasText: /start.*accepted on 6\.12/ })
      .first()
      .waitFor();
    await code.verdicts('0/1');
    await code.screenshot('2-programs');
  });

  it('stops inside the timer callback on F5 without a launch.json', async () => {
    const { page } = code;
    await code.open('heartbeat.bpf.c');
    await code.verdicts('1/1');
    const line = code.lineOf('heartbeat.bpf.c', 'beat->count++');
    await page.locator('.monaco-editor .view-line').first().click();
    await code.goToLine(line);
    await page.keyboard.press('F9');
    await page.locator('.codicon-debug-breakpoint').first().waitFor();
    await page.keyboard.press('F5');
    await page.locator('.debug-top-stack-frame-line').first().waitFor();
    await page.locator('#status\\.editor\\.selection', { hasText: `Ln ${line},` }).waitFor();
    const top = page.locator('.debug-call-stack .monaco-list-row', { hasText: 'on_beat' }).first();
    await top.waitFor();
  });

  it('shows under the callback who armed the timer', async () => {
    const stack = code.page.locator('.debug-call-stack .monaco-list-row');
    await stack
      .filter({ hasText: /— armed .*100.* ms ago on cpu0 —/ })
      .first()
      .waitFor();
    const texts = (await stack.allInnerTexts()).map((text) => text.replace(/\s+/g, ' '));
    const callback = texts.findIndex((text) => text.startsWith('on_beat'));
    const label = texts.findIndex((text) => text.includes('— armed'));
    const armer = texts.findIndex((text) => text.startsWith('start'));
    assert.ok(callback >= 0 && callback < label && label < armer, texts.join('\n'));
  });

  it('lists the timer in the Timers panel with its callback and where it was armed', async () => {
    const table = code.webview();
    const row = table.locator('tbody tr', { hasText: 'beats[0].timer' });
    await row.waitFor();
    assert.equal(await row.locator('td.callback').innerText(), 'on_beat');
    const armed = code.lineOf('heartbeat.bpf.c', 'bpf_timer_set_callback') + 1;
    assert.match(await row.locator('td.armed').innerText(), new RegExp(`heartbeat\\.bpf\\.c:${armed} `));
    await code.screenshot('3-stopped-in-callback');
  });

  it('shows the map value by its C type, and marks what a step changed', async () => {
    const { page } = code;
    const maps = page.locator('.sidebar .monaco-list-row');
    const unfold = async (row: Locator): Promise<void> => {
      await row.waitFor();
      if ((await row.getAttribute('aria-expanded')) === 'false')
        await row.locator('.monaco-tl-twistie').click();
    };
    await unfold(maps.filter({ hasText: /^beats/ }).first());
    await unfold(maps.filter({ hasText: /^(\[0\]|0)/ }).first());
    const count = maps.filter({ hasText: /^count/ }).first();
    await count.waitFor();
    assert.match(await rowText(count), /^count ?0$/);
    await page.keyboard.press('F10');
    const changed = maps.filter({ hasText: /^count\s*● 1/ }).first();
    await changed.waitFor();
    await maps
      .filter({ hasText: /^beats\s*● changed/ })
      .first()
      .waitFor();
    await code.screenshot('4-map-changed');
  });

  it('shows locals, and evaluates C expressions', async () => {
    const { page } = code;
    const variables = page.locator('.debug-variables .monaco-list-row');
    await variables
      .filter({ hasText: /^beat\b/ })
      .first()
      .waitFor();
    await page.keyboard.press('Control+Shift+Y');
    await page.locator('.repl-input-wrapper .monaco-editor').click();
    await page.keyboard.type('beat->count + 41');
    await page.keyboard.press('Enter');
    await page.locator('.repl .monaco-list-row', { hasText: /^42$/ }).first().waitFor();
    await code.screenshot('5-evaluate');
  });

  it('shows the timer armed again after bpf_timer_start, with its expiry', async () => {
    const { page } = code;
    await code.command('BPF Studio: Show Timers');
    const row = code.webview().locator('tbody tr', { hasText: 'beats[0].timer' });
    await row.waitFor();
    await code.tab('heartbeat.bpf.c').click();
    for (const line of ['bpf_printk', 'bpf_timer_start(&beat->timer', 'return 0;']) {
      await page.keyboard.press('F10');
      await page
        .locator('#status\\.editor\\.selection', { hasText: `Ln ${code.lineOf('heartbeat.bpf.c', line)},` })
        .waitFor();
    }
    await row.filter({ hasText: /in (99|100)/ }).waitFor();
    await page.locator('.debug-call-stack .monaco-list-row', { hasText: '— armed' }).first().waitFor();
    await code.screenshot('6-armed-again');
    // A click on the place where it was armed goes there.
    await row.locator('td.armed button').click();
    const armed = code.lineOf('heartbeat.bpf.c', 'bpf_timer_start(&beat->timer');
    await page.locator('#status\\.editor\\.selection', { hasText: `Ln ${armed},` }).waitFor();
  });

  it('stops again at the next beat, and ends with the session', async () => {
    const { page } = code;
    await page.keyboard.press('F5');
    const row = code.webview().locator('tbody tr', { hasText: 'beats[0].timer' });
    await row.locator('td.fires', { hasText: '2' }).waitFor();
    await page.keyboard.press('Shift+F5');
    await page.locator('.debug-toolbar').waitFor({ state: 'hidden' });
    await code.webview().locator('.empty', { hasText: 'No debug session' }).waitFor();
  });

  it('marks verdicts stale while the text does not compile, and brings them back', async () => {
    const { page } = code;
    const file = 'rejected/other_map.bpf.c';
    await code.open(file);
    await page.locator('.monaco-editor .squiggly-error').first().waitFor();
    await code.goToLine(code.lineOf(file, '__u32 key = 0;'));
    await page.keyboard.press('End');
    await page.keyboard.type(' oops');
    await code.command('Problems: Focus on Problems View');
    await page.locator('.markers-panel .monaco-list-row', { hasText: /oops/ }).first().waitFor();
    await code.verdicts('0/1');
    await code.screenshot('7-stale');
    await code.tab('other_map.bpf.c').click();
    await page.keyboard.press('Control+z');
    await page
      .locator('.markers-panel .monaco-list-row', { hasText: 'arm is rejected by Linux 6.12' })
      .first()
      .waitFor();
  });
});

describe('BPF Studio with a program that kernels refuse', function () {
  this.slow(60_000);

  it('debugs it all the same, with a notice, and prints what the run came to', async () => {
    const code = await VsCode.start({ workspace: EXAMPLES });
    try {
      await code.open('rejected/callback_returns_one.bpf.c');
      await code.verdicts('0/1');
      await code.page.locator('.monaco-editor .view-line').first().click();
      await code.page.keyboard.press('F5');
      const notice = code.page.locator('.notification-toast', { hasText: /reject|refuse/ });
      await notice.first().waitFor();
      await code.screenshot('9-rejected-debugged');
      // Nothing stopped the run: what it came to is shown by itself.
      await code.page.locator('.repl .monaco-list-row', { hasText: 'The run ended' }).first().waitFor();
      await code.screenshot('9-console');
    } finally {
      await code.stop();
    }
  });
});

describe('BPF Studio in another dress', function () {
  this.slow(60_000);

  for (const [name, theme, viewport] of [
    ['light', 'Default Light Modern', { width: 1600, height: 1000 }],
    ['narrow', 'Default Dark Modern', { width: 900, height: 900 }],
    ['high-contrast', 'Default High Contrast', { width: 1600, height: 1000 }],
  ] as const) {
    it(`shows timers and maps: ${name}`, async () => {
      const code = await VsCode.start({
        workspace: EXAMPLES,
        settings: { 'workbench.colorTheme': theme },
        viewport,
      });
      try {
        await code.open('heartbeat.bpf.c');
        await code.verdicts('1/1');
        await code.page.locator('.monaco-editor .view-line').first().click();
        await code.goToLine(code.lineOf('heartbeat.bpf.c', 'bpf_printk'));
        await code.page.keyboard.press('F9');
        await code.page.keyboard.press('F5');
        await code.page.locator('.debug-top-stack-frame-line').first().waitFor();
        await code.webview().locator('tbody tr', { hasText: 'beats[0].timer' }).waitFor();
        await code.page
          .locator('.sidebar .monaco-list-row', { hasText: /^beats/ })
          .first()
          .waitFor();
        await code.screenshot(`8-${name}`);
      } finally {
        await code.stop();
      }
    });
  }
});
