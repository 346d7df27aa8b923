/**
 * What the server asks of the engine: one C text (saved or not) or object file in, reports or problems out. An
 * interface, so that the server's own rules (debouncing, staleness, trust) are tested without a compiler.
 */
import type { ProgramReport } from '../runtime/ide/verdictReport';
import type { Problem } from '../runtime/util/problem';

export interface AnalysisRequest {
  /** Absolute path of a C file or an object file. */
  readonly file: string;
  /** Text of the C file as it is in the editor. */
  readonly text?: string;
  readonly kernels: readonly string[];
  readonly compilerPath: string;
  readonly compilerFlags: readonly string[];
  readonly kernelBtf: string;
  readonly timeLimitMs: number;
  readonly signal: AbortSignal;
}

export interface CompilerFinding {
  readonly file: string;
  /** 1-based, `endColumn` exclusive. */
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
  readonly severity: 'error' | 'warning' | 'note';
  readonly message: string;
  readonly option?: string;
  readonly notes: readonly CompilerFinding[];
  readonly includedFrom: readonly { readonly file: string; readonly line: number }[];
}

export interface AnalysisResult {
  /** `verified`: reports hold. `notCompiled`: the text has errors. `noCompiler`, `failed`: `problem` says why. */
  readonly outcome: 'verified' | 'notCompiled' | 'noCompiler' | 'failed' | 'cancelled';
  readonly findings: readonly CompilerFinding[];
  readonly reports: readonly ProgramReport[];
  readonly problem?: Problem;
}

export interface Analyzer {
  analyse(request: AnalysisRequest): Promise<AnalysisResult>;
  /** Whether compile commands say that this C file is compiled for BPF. Executes nothing. */
  targetsBpf(file: string): boolean;
  /** Forgets what was learnt from files that changed (compile commands). */
  filesChanged(files: readonly string[]): void;
  dispose(): Promise<void>;
}
