/**
 * Diagnostics of documents: when to analyse, what to show, and how long. At most one analysis of a document runs;
 * a newer text cancels it. While a text does not compile, the verdicts of the last one that did stay, marked stale.
 * Results of an outdated version are never shown. Every end of an analysis, good or bad, publishes and notifies.
 */
import type { Diagnostic } from 'vscode-languageserver/node';
import { URI } from 'vscode-uri';
import * as fs from 'node:fs';
import { verdictDiagnostics } from '../../runtime/ide/diagnostics';
import { SourceText } from '../../runtime/ide/expressionRange';
import type { ProgramReport } from '../../runtime/ide/verdictReport';
import type { ProgramVerdict, VerdictsNotification } from '../../runtime/protocol/serverMessages';
import type { AnalysisResult, Analyzer } from '../analysis';
import type { Settings } from '../settings';
import { asStale, findingToLsp, verdictToLsp, type PlainDiagnostic } from '../toLsp';

export interface AnalysedDocument {
  readonly uri: string;
  /** Undefined for a file that is not open. */
  readonly version?: number;
  readonly text?: string;
}

/** What this feature needs of the server around it. */
export interface DiagnosticsHost {
  settings(uri: string): Promise<Settings>;
  trusted(): boolean;
  publish(uri: string, version: number | undefined, diagnostics: readonly Diagnostic[]): void;
  notify(notification: VerdictsNotification): void;
  /** Shows a message with its remedy to the user, once for each text. */
  tellOnce(message: string): void;
  log(message: string): void;
}

interface DocumentState {
  timer?: ReturnType<typeof setTimeout>;
  running?: AbortController;
  /** Counts analyses, so that an outdated one knows. */
  generation: number;
  /** Of the last text that compiled. */
  verdicts: readonly PlainDiagnostic[];
  programs: readonly ProgramVerdict[];
}

const LARGEST_TEXT = 8 << 20;

export class DiagnosticsFeature {
  private readonly states = new Map<string, DocumentState>();

  constructor(
    private readonly analyzer: Analyzer,
    private readonly host: DiagnosticsHost,
  ) {}

  /** After a change: once the text has been quiet for a while. */
  schedule(document: () => AnalysedDocument | undefined, uri: string, delayMs: number): void {
    const state = this.state(uri);
    clearTimeout(state.timer);
    state.running?.abort();
    state.timer = setTimeout(() => {
      const now = document();
      if (now !== undefined) void this.analyse(now);
    }, delayMs);
  }

  /** Now. Resolves when its result is published or it was overtaken by a newer one. Never rejects. */
  async analyse(document: AnalysedDocument): Promise<void> {
    const { uri } = document;
    const state = this.state(uri);
    clearTimeout(state.timer);
    state.running?.abort();
    const abort = new AbortController();
    state.running = abort;
    const generation = ++state.generation;
    const file = URI.parse(uri).fsPath;
    const isObject = file.endsWith('.o');
    try {
      if (!isObject && !this.host.trusted()) {
        this.notify(
          document,
          state,
          'untrusted',
          'Restricted Mode: no compiler is started; only object files are analysed.',
        );
        return;
      }
      if ((document.text?.length ?? 0) > LARGEST_TEXT) {
        this.notify(document, state, 'failed', 'the file is too large to verify while editing');
        return;
      }
      this.notify(document, state, 'verifying', '');
      const settings = await this.host.settings(uri);
      const trusted = this.host.trusted();
      const result = await this.analyzer.analyse({
        file,
        text: isObject ? undefined : document.text,
        kernels: settings.kernels,
        compilerPath: trusted ? settings.compilerPath : '',
        compilerFlags: trusted ? settings.compilerFlags : [],
        kernelBtf: trusted ? settings.kernelBtf : '',
        timeLimitMs: settings.timeLimitMs,
        signal: abort.signal,
      });
      if (generation !== state.generation || result.outcome === 'cancelled') return;
      this.show(document, file, state, result);
    } catch (error) {
      if (generation !== state.generation) return;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.host.log(`analysis of ${file} failed: ${text}`);
      this.notify(document, state, 'failed', 'internal error; see the log “BPF Studio”');
    } finally {
      if (state.running === abort) state.running = undefined;
    }
  }

  /** The document was closed: its diagnostics go, and so does work for it. */
  close(uri: string): void {
    const state = this.states.get(uri);
    if (state === undefined) return;
    clearTimeout(state.timer);
    state.running?.abort();
    state.generation++;
    this.states.delete(uri);
    this.host.publish(uri, undefined, []);
  }

  dispose(): void {
    for (const state of this.states.values()) {
      clearTimeout(state.timer);
      state.running?.abort();
      state.generation++;
    }
    this.states.clear();
  }

  private state(uri: string): DocumentState {
    let state = this.states.get(uri);
    if (state === undefined) {
      state = { generation: 0, verdicts: [], programs: [] };
      this.states.set(uri, state);
    }
    return state;
  }

  private show(document: AnalysedDocument, file: string, state: DocumentState, result: AnalysisResult): void {
    const texts = new Map<string, SourceText | undefined>();
    if (document.text !== undefined) texts.set(file, new SourceText(document.text));
    const textOf = (name: string): SourceText | undefined => {
      if (!texts.has(name)) texts.set(name, readText(name));
      return texts.get(name);
    };
    const compiler = result.findings
      .map((finding) => findingToLsp(finding, file, textOf))
      .filter((diagnostic) => diagnostic !== undefined);
    if (result.outcome === 'verified') {
      state.verdicts = verdictDiagnostics(result.reports, file, textOf).map(verdictToLsp);
      state.programs = result.reports.map((report) => programVerdict(report, file));
      this.host.publish(document.uri, document.version, [...compiler, ...state.verdicts]);
      this.notify(document, state, 'fresh', result.reports.length === 0 ? 'no program found' : '');
      return;
    }
    const stale = state.verdicts.map(asStale);
    const problem = result.problem;
    const message =
      problem === undefined ? '' : [problem.message, problem.remedy].filter(Boolean).join(' — ');
    if (result.outcome === 'notCompiled') {
      // An error without a place in any file would otherwise be seen by nobody.
      if (compiler.length === 0 && message !== '') compiler.push(wholeFile(message));
      this.host.publish(document.uri, document.version, [...compiler, ...stale]);
      this.notify(document, state, 'stale', '');
      return;
    }
    if (result.outcome === 'noCompiler') {
      this.host.tellOnce(message);
      this.host.publish(document.uri, document.version, stale);
      this.notify(document, state, 'noCompiler', message);
      return;
    }
    this.host.publish(document.uri, document.version, [...compiler, wholeFile(message), ...stale]);
    this.notify(document, state, 'failed', message);
  }

  private notify(
    document: AnalysedDocument,
    state: DocumentState,
    status: VerdictsNotification['state'],
    message: string,
  ): void {
    this.host.notify({ version: 1, uri: document.uri, state: status, message, programs: state.programs });
  }
}

const wholeFile = (message: string): PlainDiagnostic => ({
  range: { start: { line: 0, character: 0 }, end: { line: 0, character: 1 } },
  severity: 1,
  source: 'bpf-studio',
  message,
});

function readText(file: string): SourceText | undefined {
  try {
    if (fs.statSync(file).size > LARGEST_TEXT) return undefined;
    return new SourceText(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function programVerdict(report: ProgramReport, file: string): ProgramVerdict {
  const line = report.entry?.file === file ? report.entry.line - 1 : undefined;
  return {
    program: report.name,
    section: report.section,
    kernel: report.kernel,
    basis: report.basis,
    verdict: report.verdict,
    message: report.message || report.problem?.message || '',
    ...(line === undefined ? {} : { line }),
    processedInsns: report.stats.processedInsns,
  };
}
