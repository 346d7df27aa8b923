/** Custom LSP messages between our language server and clients. Version 1. */
export const SERVER_PROTOCOL_VERSION = 1;

/** Notification `bpfStudio/verdicts` (server → client), after every analysis of a document. */
export interface VerdictsNotification {
  readonly version: 1;
  readonly uri: string;
  /** `stale`: the text does not compile now; the programs are those of the last text that did. */
  readonly state: 'fresh' | 'stale' | 'verifying' | 'noCompiler' | 'untrusted' | 'failed';
  readonly message: string;
  readonly programs: readonly ProgramVerdict[];
}

export interface ProgramVerdict {
  readonly program: string;
  readonly section: string;
  readonly kernel: string;
  readonly basis: 'measured' | 'facts';
  readonly verdict: 'accepted' | 'rejected' | 'error' | 'unknown';
  readonly message: string;
  /** 0-based line of the program's function, when known. */
  readonly line?: number;
  readonly processedInsns: number;
}
