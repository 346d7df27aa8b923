/**
 * The language server: lifecycle, documents, settings, and which feature answers what. No verifier logic and no
 * process of its own: it is given a connection and an analyzer, so that tests run it over streams. Requests that
 * cannot be answered get an empty answer; nothing a client sends ends the server.
 */
import {
  DidChangeConfigurationNotification,
  TextDocuments,
  TextDocumentSyncKind,
  type Connection,
  type InitializeParams,
  type InitializeResult,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { URI } from 'vscode-uri';
import type { Analyzer } from './analysis';
import { DiagnosticsFeature, type AnalysedDocument } from './features/diagnostics';
import { helperHover } from './features/hover';
import { matchesGlobs } from './glob';
import { DEFAULT_SETTINGS, readSettings, type Settings } from './settings';

interface InitializationOptions {
  readonly trusted?: boolean;
  readonly storage?: string;
  /** The client itself tells that there is no compiler, with a way out. */
  readonly offersCompiler?: boolean;
  readonly settings?: unknown;
}

/** Makes the engine once the client has said where files may be stored. */
export type MakeAnalyzer = (options: {
  readonly storage?: string;
  readonly log: (text: string) => void;
}) => Analyzer;

export function serve(connection: Connection, makeAnalyzer: MakeAnalyzer, version: string): void {
  const documents = new TextDocuments(TextDocument);
  let folders: string[] = [];
  let trusted = true;
  let pullsSettings = false;
  let canRegister = false;
  let tellsFolders = false;
  let pushed: Settings = DEFAULT_SETTINGS;
  const bySection = new Map<string, Promise<Settings>>();
  const told = new Set<string>();
  let analyzer: Analyzer | undefined;
  let diagnostics: DiagnosticsFeature | undefined;

  const settingsOf = (uri: string): Promise<Settings> => {
    if (!pullsSettings) return Promise.resolve(pushed);
    let settings = bySection.get(uri);
    if (settings === undefined) {
      settings = connection.workspace.getConfiguration({ scopeUri: uri, section: 'bpfStudio' }).then(
        (section: unknown) => readSettings(section),
        () => pushed,
      );
      bySection.set(uri, settings);
    }
    return settings;
  };

  connection.onInitialize((params: InitializeParams): InitializeResult => {
    const options = (params.initializationOptions ?? {}) as InitializationOptions;
    trusted = options.trusted !== false;
    pushed = readSettings(options.settings);
    const { workspace } = params.capabilities;
    pullsSettings = workspace?.configuration === true;
    canRegister = workspace?.didChangeConfiguration?.dynamicRegistration === true;
    tellsFolders = workspace?.workspaceFolders === true;
    folders = (params.workspaceFolders ?? []).map((folder) => slashes(URI.parse(folder.uri).fsPath));
    analyzer = makeAnalyzer({ storage: options.storage, log: (text) => connection.console.log(text) });
    diagnostics = new DiagnosticsFeature(analyzer, {
      settings: settingsOf,
      trusted: () => trusted,
      publish: (uri, documentVersion, list) => {
        void connection.sendDiagnostics({ uri, version: documentVersion, diagnostics: [...list] });
      },
      notify: (notification) => {
        void connection.sendNotification('bpfStudio/verdicts', notification);
      },
      tellOnce: (message) => {
        if (told.has(message) || options.offersCompiler === true) return;
        told.add(message);
        connection.window.showWarningMessage(`BPF Studio: ${message}`);
      },
      log: (message) => connection.console.error(message),
    });
    return {
      serverInfo: { name: 'bpf-studio', version },
      capabilities: {
        textDocumentSync: {
          openClose: true,
          change: TextDocumentSyncKind.Incremental,
          save: { includeText: false },
        },
        hoverProvider: true,
        workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
      },
    };
  });

  connection.onInitialized(() => {
    // Not every editor can tell of changes: what it never said it can do is not asked of it, and a refusal is no failure.
    if (pullsSettings && canRegister)
      connection.client
        .register(DidChangeConfigurationNotification.type, { section: 'bpfStudio' })
        .catch((error: unknown) => connection.console.warn(`settings are not watched: ${String(error)}`));
    if (!tellsFolders) return;
    connection.workspace.onDidChangeWorkspaceFolders((event) => {
      const gone = new Set(event.removed.map((folder) => slashes(URI.parse(folder.uri).fsPath)));
      folders = [
        ...folders.filter((folder) => !gone.has(folder)),
        ...event.added.map((folder) => slashes(URI.parse(folder.uri).fsPath)),
      ];
    });
  });

  /** Files that the setting names; other C files with a `SEC(` that are compiled for BPF; object files on request. */
  const isOurs = async (document: TextDocument): Promise<boolean> => {
    const uri = URI.parse(document.uri);
    if (uri.scheme !== 'file') return false;
    const file = slashes(uri.fsPath);
    const settings = await settingsOf(document.uri);
    if (matchesGlobs(file, folders, settings.files)) return true;
    return (
      /\.[ch]$/.test(file) &&
      document.getText().includes('SEC(') &&
      (analyzer?.targetsBpf(uri.fsPath) ?? false)
    );
  };

  const snapshot = (uri: string): AnalysedDocument | undefined => {
    const document = documents.get(uri);
    return document === undefined ? undefined : { uri, version: document.version, text: document.getText() };
  };

  const changed = async (document: TextDocument, why: 'open' | 'change' | 'save'): Promise<void> => {
    const settings = await settingsOf(document.uri);
    if (settings.verifyOn === 'manual' || !(await isOurs(document))) return;
    if (why === 'change' && settings.verifyOn !== 'change') return;
    if (why === 'save' && settings.verifyOn === 'change') return;
    const delayMs = why === 'change' ? settings.verifyDelayMs : 0;
    diagnostics?.schedule(() => snapshot(document.uri), document.uri, delayMs);
  };

  // TextDocuments reports an opened document as changed, too: versions tell the two apart.
  const opened = new Map<string, number>();
  documents.onDidOpen(({ document }) => {
    opened.set(document.uri, document.version);
    void changed(document, 'open');
  });
  documents.onDidChangeContent(({ document }) => {
    if (opened.get(document.uri) === document.version) return;
    void changed(document, 'change');
  });
  documents.onDidSave(({ document }) => void changed(document, 'save'));
  documents.onDidClose(({ document }) => {
    opened.delete(document.uri);
    bySection.delete(document.uri);
    diagnostics?.close(document.uri);
  });

  const again = (): void => {
    for (const document of documents.all()) void changed(document, 'open');
  };
  connection.onDidChangeConfiguration((change) => {
    bySection.clear();
    const section: unknown = (change.settings as { bpfStudio?: unknown } | null | undefined)?.bpfStudio;
    if (!pullsSettings && section !== undefined) pushed = readSettings(section);
    again();
  });
  connection.onDidChangeWatchedFiles((change) => {
    analyzer?.filesChanged(change.changes.map((file) => URI.parse(file.uri).fsPath));
    // A header or the compile commands: whatever is open may mean something else now. A source is its own event.
    if (change.changes.some((file) => /\.h$|compile_commands\.json$/.test(file.uri))) again();
  });
  connection.onNotification('bpfStudio/trusted', () => {
    trusted = true;
    again();
  });
  connection.onRequest('bpfStudio/verify', async (params: { uris?: unknown }) => {
    const uris = Array.isArray(params?.uris) ? params.uris.filter((uri) => typeof uri === 'string') : [];
    // One after the other: the workers behind it share the cores.
    for (const uri of uris) await diagnostics?.analyse(snapshot(uri) ?? { uri });
    return null;
  });

  connection.onHover(async ({ textDocument, position }) => {
    const document = documents.get(textDocument.uri);
    if (document === undefined || !(await isOurs(document))) return null;
    return helperHover(document, position, await settingsOf(document.uri));
  });

  connection.onShutdown(async () => {
    diagnostics?.dispose();
    await analyzer?.dispose();
  });
  documents.listen(connection);
  connection.listen();
}

const slashes = (file: string): string => file.replace(/\\/g, '/');
