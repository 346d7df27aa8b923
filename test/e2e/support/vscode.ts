/**
 * A real VS Code for one test suite: the server with the packed extension installed, its settings, a copy of a
 * workspace, and headless Chromium as its window. Everything lives in one temporary folder, deleted at the end.
 * Waiting is left to Playwright; a failure leaves a screenshot.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { chromium, type BrowserContext, type FrameLocator, type Locator, type Page } from 'playwright-core';
import { repoRoot } from '../../support/paths';

const screenshots = path.join(repoRoot, 'test', 'e2e', 'screenshots');
const vsix = path.join(repoRoot, 'bpf-studio.vsix');

const CHROMIUM_PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** Path of Chromium or Chrome on this machine; `CHROMIUM` names another. */
export const chromiumPath = (): string | undefined =>
  [process.env.CHROMIUM, ...CHROMIUM_PLACES].find((place) => place !== undefined && fs.existsSync(place));

const QUIET_SETTINGS = {
  'telemetry.telemetryLevel': 'off',
  'workbench.startupEditor': 'none',
  'workbench.colorTheme': 'Default Dark Modern',
  'security.workspace.trust.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
  'files.autoSave': 'off',
  'workbench.editor.enablePreview': false,
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'workbench.enableExperiments': false,
  'git.enabled': false,
};

export interface VsCodeOptions {
  /** Folder that is copied and opened. */
  readonly workspace: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly viewport?: { readonly width: number; readonly height: number };
}

export class VsCode {
  private constructor(
    readonly page: Page,
    /** The copy of the workspace that is open. */
    readonly folder: string,
    private readonly address: string,
    private readonly browser: BrowserContext,
    private readonly server: ChildProcess,
    private readonly temporary: string,
  ) {}

  static async start(options: VsCodeOptions): Promise<VsCode> {
    const browserPath = chromiumPath();
    if (browserPath === undefined) throw new Error('Chromium is needed: apt-get install -y chromium');
    const host = installedHost();
    // Short, because socket paths in it have a length limit.
    const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
    const dirs = [
      '--server-data-dir',
      path.join(temporary, 'data'),
      '--extensions-dir',
      path.join(temporary, 'ext'),
    ];
    const env = { ...process.env, TMPDIR: temporary, EXTENSIONS_GALLERY: '{"serviceUrl":""}' };
    const userDir = path.join(temporary, 'data', 'data', 'User');
    fs.mkdirSync(userDir, { recursive: true });
    fs.writeFileSync(
      path.join(userDir, 'settings.json'),
      JSON.stringify({ ...QUIET_SETTINGS, ...options.settings }, undefined, 2),
    );
    const folder = path.join(temporary, 'ws');
    fs.cpSync(options.workspace, folder, { recursive: true });
    execFileSync(host.node, [host.server, '--install-extension', vsix, '--force', ...dirs], {
      env,
      stdio: 'pipe',
    });
    const server = spawn(
      host.node,
      [
        host.server,
        '--host',
        '127.0.0.1',
        '--port',
        '0',
        '--without-connection-token',
        '--accept-server-license-terms',
        '--telemetry-level',
        'off',
        '--disable-workspace-trust',
        ...dirs,
      ],
      { env, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const port = await listeningPort(server);
    const browser = await chromium.launchPersistentContext(path.join(temporary, 'browser'), {
      executablePath: browserPath,
      headless: true,
      viewport: options.viewport ?? { width: 1600, height: 1000 },
      args: [
        '--headless=new',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    const page = browser.pages()[0] ?? (await browser.newPage());
    page.setDefaultTimeout(60_000);
    const code = new VsCode(page, folder, `127.0.0.1:${port}`, browser, server, temporary);
    return code;
  }

  /** Loads the window with the given files (relative to the workspace) open, the last one active. */
  async open(...files: readonly string[]): Promise<void> {
    const payload = files.map((file) => [
      'openFile',
      `vscode-remote://${this.address}${path.posix.join(this.folder, file)}`,
    ]);
    await this.page.goto(
      `http://${this.address}/?folder=${this.folder}&payload=${encodeURIComponent(JSON.stringify(payload))}`,
    );
    await this.page.locator('.monaco-workbench').waitFor();
    for (const file of files) await this.tab(path.basename(file)).waitFor();
  }

  tab(name: string): Locator {
    return this.page.locator(`.tab[data-resource-name="${name}"]`);
  }

  /** Waits until the status bar shows these verdicts, e.g. `1/1`: then the extension is up and has answered. */
  async verdicts(text: string): Promise<void> {
    await this.page.locator('#bpf-studio\\.bpf-studio\\.bpfStudio\\.status', { hasText: text }).waitFor();
  }

  /** Runs a command of the palette by its full title, e.g. `View: Toggle Full Screen`. */
  async command(title: string): Promise<void> {
    await this.page.keyboard.press('F1');
    const input = this.page.locator('.quick-input-widget input').first();
    await input.waitFor();
    await input.fill(`>${title}`);
    await this.page
      .locator('.quick-input-list .monaco-list-row.focused', { hasText: title })
      .first()
      .waitFor();
    await this.page.keyboard.press('Enter');
  }

  /** Puts the cursor on a line (1-based) of the active editor. */
  async goToLine(line: number, column = 1): Promise<void> {
    await this.page.keyboard.press('Control+g');
    const input = this.page.locator('.quick-input-widget input').first();
    await input.waitFor();
    await input.fill(`:${line}:${column}`);
    await this.page.keyboard.press('Enter');
    await this.page
      .locator('#status\\.editor\\.selection', { hasText: `Ln ${line}, Col ${column}` })
      .waitFor();
  }

  /** 1-based number of the first line of a workspace file that contains `text`. */
  lineOf(file: string, text: string): number {
    const lines = fs.readFileSync(path.join(this.folder, file), 'utf8').split('\n');
    const at = lines.findIndex((line) => line.includes(text));
    if (at < 0) throw new Error(`${file} has no line with ${text}`);
    return at + 1;
  }

  /** The page inside the webview that contains `selector`. */
  webview(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
  }

  async screenshot(name: string): Promise<void> {
    fs.mkdirSync(screenshots, { recursive: true });
    await this.page.screenshot({ path: path.join(screenshots, `${name}.png`) });
  }

  async stop(): Promise<void> {
    await this.browser.close();
    const ended = new Promise<void>((resolve) => this.server.once('exit', () => resolve()));
    this.server.kill('SIGTERM');
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5000))]);
    if (process.env.KEEP_E2E !== undefined) return;
    // The browser and the server write a last time after they have ended: what is left then is only clutter.
    fs.rm(this.temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }, () => undefined);
  }

  /** Everything that the extension host and our channels logged: for looking at a failure. */
  logs(): string {
    const found: string[] = [];
    const walk = (dir: string): void => {
      for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
        const full = path.join(dir, entry.name);
        if (entry.isDirectory()) walk(full);
        else if (/BPF Studio|exthost|bpf-studio/.test(full) && entry.name.endsWith('.log')) {
          found.push(`== ${full}\n${fs.readFileSync(full, 'utf8').slice(-4000)}`);
        }
      }
    };
    walk(path.join(this.temporary, 'data'));
    return found.join('\n');
  }
}

function installedHost(): { node: string; server: string } {
  const script = path.join(repoRoot, 'test', 'e2e', 'installHost.mjs');
  const output = execFileSync(process.execPath, [script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(output) as { node: string; server: string };
}

function listeningPort(server: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`VS Code's server did not start:\n${output}`)), 60_000);
    const listen = (chunk: Buffer): void => {
      output += chunk.toString();
      const found = /Extension host agent listening on (\d+)/.exec(output);
      if (found !== null) {
        clearTimeout(timer);
        resolve(Number(found[1]));
      }
    };
    server.stdout?.on('data', listen);
    server.stderr?.on('data', listen);
    server.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`VS Code's server ended with code ${code}:\n${output}`));
    });
  });
}
