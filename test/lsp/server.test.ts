/** Tests of the language server over in-memory streams, with an engine that answers what the test says. */
import * as assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { createConnection, type Diagnostic } from 'vscode-languageserver/node';
import type { VerdictsNotification } from '../../runtime/protocol/serverMessages';
import type { ProgramReport } from '../../runtime/ide/verdictReport';
import type { AnalysisRequest, AnalysisResult, Analyzer } from '../../server/analysis';
import { serve } from '../../server/dispatch';

const URI_A = 'file:///w/a.bpf.c';
const TEXT = 'int prog(void *ctx)\n{\n  return f(ctx);\n}\n';

const rejected: ProgramReport = {
  name: 'prog',
  section: 'xdp',
  type: 'BPF_PROG_TYPE_XDP',
  kernel: '6.12',
  basis: 'measured',
  verdict: 'rejected',
  errno: 13,
  message: 'R1 is bad',
  insn: 1,
  source: { file: '/w/a.bpf.c', line: 3, column: 10, endColumn: 16, at: 10, text: '  return f(ctx);' },
  entry: { file: '/w/a.bpf.c', line: 1, column: 1, endColumn: 4, at: 1, text: '' },
  stats: { processedInsns: 2, totalStates: 0, peakStates: 0, stackDepth: [0] },
};
const verified: AnalysisResult = { outcome: 'verified', findings: [], reports: [rejected] };
const notCompiled: AnalysisResult = {
  outcome: 'notCompiled',
  findings: [
    {
      file: '/w/a.bpf.c',
      line: 3,
      column: 3,
      endColumn: 3,
      severity: 'error',
      message: "expected ';'",
      notes: [],
      includedFrom: [],
    },
  ],
  reports: [],
};

interface PublishDiagnosticsParams {
  readonly uri: string;
  readonly version?: number;
  readonly diagnostics: readonly (Diagnostic & { readonly message: string })[];
}

type Answer = (request: AnalysisRequest) => AnalysisResult | Promise<AnalysisResult>;

/** A client with a server at the other end. */
class Session {
  readonly published: PublishDiagnosticsParams[] = [];
  readonly verdicts: VerdictsNotification[] = [];
  readonly shown: string[] = [];
  /** Errors and warnings of the server's log. */
  readonly complaints: string[] = [];
  readonly asked: AnalysisRequest[] = [];
  answer: Answer = () => verified;
  private readonly client: MessageConnection;
  private waiters: (() => void)[] = [];

  constructor() {
    const up = new PassThrough();
    const down = new PassThrough();
    const analyzer: Analyzer = {
      analyse: async (request) => {
        this.asked.push(request);
        this.wake();
        return this.answer(request);
      },
      targetsBpf: (file) => file.endsWith('listed.c'),
      filesChanged: () => undefined,
      dispose: () => Promise.resolve(),
    };
    const connection = createConnection(new StreamMessageReader(up), new StreamMessageWriter(down));
    serve(connection, () => analyzer, '0.0.0');
    this.client = createMessageConnection(new StreamMessageReader(down), new StreamMessageWriter(up));
    this.client.onNotification('textDocument/publishDiagnostics', (p: PublishDiagnosticsParams) => {
      this.published.push(p);
      this.wake();
    });
    this.client.onNotification('bpfStudio/verdicts', (p: VerdictsNotification) => {
      this.verdicts.push(p);
      this.wake();
    });
    this.client.onNotification('window/logMessage', (p: { type: number; message: string }) => {
      if (p.type <= 2) this.complaints.push(p.message);
    });
    this.client.onRequest('client/registerCapability', () => {
      this.complaints.push('asked to register');
      throw new Error('no dynamic registration here');
    });
    this.client.onNotification('window/showMessage', (p: { message: string }) => {
      this.shown.push(p.message);
      this.wake();
    });
    this.client.onRequest('window/showMessageRequest', (p: { message: string }) => {
      this.shown.push(p.message);
      this.wake();
      return null;
    });
    this.client.listen();
  }

  private wake(): void {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  async start(options: object = {}, capabilities: object = {}): Promise<void> {
    await this.client.sendRequest('initialize', {
      processId: null,
      rootUri: null,
      capabilities,
      workspaceFolders: [{ uri: 'file:///w', name: 'w' }],
      initializationOptions: { settings: { verifyDelay: 50 }, ...options },
    });
    await this.notify('initialized', {});
  }

  notify(method: string, params: object): Promise<void> {
    return this.client.sendNotification(method, params);
  }

  request(method: string, params: unknown): Promise<unknown> {
    return this.client.sendRequest(method, params);
  }

  open(uri = URI_A, text = TEXT): Promise<void> {
    return this.notify('textDocument/didOpen', { textDocument: { uri, languageId: 'c', version: 1, text } });
  }

  change(version: number, text: string, uri = URI_A): Promise<void> {
    return this.notify('textDocument/didChange', {
      textDocument: { uri, version },
      contentChanges: [{ text }],
    });
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }

  /** Resolves after what was sent so far was worked off. */
  async settled(): Promise<void> {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async stop(): Promise<void> {
    await this.client.sendRequest('shutdown');
    this.client.dispose();
  }
}

describe('the language server', () => {
  let session: Session;
  beforeEach(() => {
    session = new Session();
  });
  afterEach(() => session.stop());

  it('publishes the verdict on the expression, with source, code and version, and notifies of it', async () => {
    await session.start();
    await session.open();
    await session.until(() => session.verdicts.at(-1)?.state === 'fresh');
    const { uri, version, diagnostics } = session.published.at(-1)!;
    assert.deepEqual([uri, version, diagnostics.length], [URI_A, 1, 1]);
    assert.deepEqual(diagnostics[0].range, {
      start: { line: 2, character: 9 },
      end: { line: 2, character: 15 },
    });
    assert.equal(diagnostics[0].source, 'bpf-studio');
    assert.equal(diagnostics[0].code, 'rejected');
    assert.match(diagnostics[0].message, /R1 is bad/);
    assert.deepEqual(session.verdicts.at(-1)?.programs[0], {
      program: 'prog',
      section: 'xdp',
      kernel: '6.12',
      basis: 'measured',
      verdict: 'rejected',
      message: 'R1 is bad',
      line: 0,
      processedInsns: 2,
    });
  });

  it('asks nothing of an editor that said it cannot do it', async () => {
    await session.start();
    await session.request('textDocument/hover', {
      textDocument: { uri: URI_A },
      position: { line: 0, character: 0 },
    });
    assert.deepEqual(session.complaints, []);
  });

  it('lives on when an editor refuses what it said it can do', async () => {
    await session.start(
      {},
      { workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true } } },
    );
    await session.open();
    await session.until(() => session.published.length > 0);
    assert.equal(session.complaints[0], 'asked to register');
    assert.match(session.complaints[1] ?? '', /settings are not watched/);
  });

  it('analyses the unsaved text', async () => {
    await session.start();
    await session.open();
    await session.until(() => session.verdicts.at(-1)?.state === 'fresh');
    await session.change(2, `${TEXT}// more`);
    await session.until(() => session.asked.length === 2);
    assert.equal(session.asked[1].text, `${TEXT}// more`);
  });

  it('keeps the verdicts marked stale while the text does not compile, beside the compiler’s errors', async () => {
    await session.start();
    await session.open();
    await session.until(() => session.verdicts.at(-1)?.state === 'fresh');
    session.answer = () => notCompiled;
    await session.change(2, 'int prog(');
    await session.until(() => session.verdicts.at(-1)?.state === 'stale');
    const list = session.published.at(-1)!.diagnostics;
    assert.deepEqual(
      list.map((d) => [d.source, d.severity]),
      [
        ['clang', 1],
        ['bpf-studio', 4],
      ],
    );
    assert.match(list[1].message, /^\(stale\) /);
    session.answer = () => verified;
    await session.change(3, TEXT);
    await session.until(() => session.verdicts.at(-1)?.state === 'fresh');
    assert.deepEqual(
      session.published.at(-1)!.diagnostics.map((d) => d.severity),
      [1],
    );
  });

  it('waits for quiet: many changes are one analysis', async () => {
    await session.start();
    await session.open();
    await session.until(() => session.verdicts.at(-1)?.state === 'fresh');
    for (let version = 2; version < 20; version++) await session.change(version, `${TEXT}//${version}`);
    await session.until(() => session.asked.length === 2);
    await session.settled();
    assert.equal(session.asked.length, 2);
    assert.equal(session.asked[1].text, `${TEXT}//19`);
  });

  it('cancels an analysis that a newer text overtakes, and never shows its result', async () => {
    await session.start();
    let finish: (result: AnalysisResult) => void = () => undefined;
    session.answer = (request) =>
      request.text === TEXT ? new Promise((resolve) => (finish = resolve)) : { ...verified, reports: [] };
    await session.open();
    await session.until(() => session.asked.length === 1);
    await session.change(2, `${TEXT} `);
    await session.until(() => session.asked.length === 2);
    assert.equal(session.asked[0].signal.aborted, true);
    finish(verified);
    await session.until(() => session.verdicts.at(-1)?.state === 'fresh');
    await session.settled();
    assert.ok(session.published.every((p) => p.version !== 1));
    assert.deepEqual(session.published.at(-1)!.diagnostics, []);
  });

  it('executes nothing in an untrusted workspace until trust is granted', async () => {
    await session.start({ trusted: false });
    await session.open();
    await session.until(() => session.verdicts.at(-1)?.state === 'untrusted');
    assert.equal(session.asked.length, 0);
    await session.notify('bpfStudio/trusted', {});
    await session.until(() => session.verdicts.at(-1)?.state === 'fresh');
    assert.equal(session.asked.length, 1);
  });

  it('analyses object files in an untrusted workspace, without the restricted settings', async () => {
    await session.start({
      trusted: false,
      settings: { compiler: { path: '/bin/evil', flags: ['-DX'] }, btf: '/x' },
    });
    await session.request('bpfStudio/verify', { uris: ['file:///w/a.bpf.o'] });
    assert.deepEqual(
      [
        session.asked[0].file,
        session.asked[0].compilerPath,
        session.asked[0].compilerFlags,
        session.asked[0].kernelBtf,
      ],
      ['/w/a.bpf.o', '', [], ''],
    );
  });

  it('tells once that there is no compiler, with the remedy', async () => {
    session.answer = () => ({
      outcome: 'noCompiler',
      findings: [],
      reports: [],
      problem: { code: 'no-compiler', message: 'no compiler', remedy: 'Install clang.' },
    });
    await session.start();
    await session.open();
    await session.until(() => session.verdicts.at(-1)?.state === 'noCompiler');
    await session.change(2, `${TEXT} `);
    await session.until(() => session.asked.length === 2);
    await session.settled();
    assert.deepEqual(session.shown, ['BPF Studio: no compiler — Install clang.']);
  });

  it('verifies files that the setting names and C files compiled for BPF with a SEC(, and no others', async () => {
    await session.start();
    await session.open('file:///w/plain.c', 'int main(void) { return 0; }');
    await session.open('file:///w/user.c', 'SEC("x") int f;');
    await session.open('file:///w/listed.c', 'SEC("x") int f;');
    await session.open('file:///w/deep/er/b.bpf.c', 'int f;');
    await session.until(() => session.asked.length === 2);
    await session.settled();
    assert.deepEqual(session.asked.map((r) => r.file).sort(), ['/w/deep/er/b.bpf.c', '/w/listed.c']);
  });

  it('survives an engine that throws, and answers again', async () => {
    await session.start();
    session.answer = () => {
      throw new Error('boom');
    };
    await session.open();
    await session.until(() => session.verdicts.at(-1)?.state === 'failed');
    session.answer = () => verified;
    await session.change(2, `${TEXT} `);
    await session.until(() => session.verdicts.at(-1)?.state === 'fresh');
  });

  it('explains a helper under the cursor, and only that', async () => {
    await session.start();
    await session.open(URI_A, 'int f(void) { return bpf_timer_start(&t, 1, 0); }\n');
    const ask = (character: number): Promise<unknown> =>
      session.request('textDocument/hover', {
        textDocument: { uri: URI_A },
        position: { line: 0, character },
      });
    const hover = (await ask(25)) as { contents: { value: string }; range: { start: { character: number } } };
    assert.match(
      hover.contents.value,
      /long bpf_timer_start\(struct bpf_timer \*timer, __u64 nsecs, __u64 flags\);/,
    );
    assert.match(hover.contents.value, /GPL/);
    assert.match(hover.contents.value, /\*\*Linux 6\.12\*\*: /);
    assert.equal(hover.range.start.character, 21);
    assert.equal(await ask(2), null);
  });

  it('takes the diagnostics of a closed document away', async () => {
    await session.start();
    await session.open();
    await session.until(() => session.verdicts.at(-1)?.state === 'fresh');
    await session.notify('textDocument/didClose', { textDocument: { uri: URI_A } });
    await session.until(() => session.published.at(-1)?.diagnostics.length === 0);
  });

  it('outlives malformed messages of ours and settings of wrong types', async () => {
    await session.start({ settings: { kernels: 'six', files: [3], verifyDelay: 'soon', compiler: null } });
    await session.request('bpfStudio/verify', null);
    await session.request('bpfStudio/verify', { uris: [5, 'not a uri'] });
    await session.notify('workspace/didChangeConfiguration', { settings: { bpfStudio: 7 } });
    await session.open();
    await session.until(
      () => session.verdicts.at(-1)?.state === 'fresh' && session.verdicts.at(-1)?.uri === URI_A,
    );
    assert.deepEqual(session.asked.at(-1)?.kernels, ['6.12']);
  });
});
