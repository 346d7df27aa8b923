/** The engine behind the server: compiles and judges through runtime/host, off the main thread in its worker pool. */
import { compileCommandFor } from '../runtime/host/compileCommands';
import { Pool } from '../runtime/host/pool';
import { verifyFile } from '../runtime/host/verifyFiles';
import type { AnalysisRequest, AnalysisResult, Analyzer } from './analysis';
import * as path from 'node:path';

export interface HostAnalyzerOptions {
  /** Folder of the client's for downloads, such as a compiler. */
  readonly storage?: string;
  readonly log: (text: string) => void;
}

/** Problems that mean: there is nothing to compile with. */
const NO_COMPILER = new Set(['no-compiler', 'compiler-unusable']);
/** Problems that mean: the text is at fault, its diagnostics say where. */
const NOT_COMPILED = new Set(['compile-error', 'compiler-failed']);

export class HostAnalyzer implements Analyzer {
  private readonly pool: Pool;

  constructor(private readonly options: HostAnalyzerOptions) {
    this.pool = new Pool({ onWorkerDied: options.log });
  }

  async analyse(request: AnalysisRequest): Promise<AnalysisResult> {
    const timeLimit = AbortSignal.timeout(request.timeLimitMs);
    const verdicts = await verifyFile(request.file, request.text, {
      kernels: request.kernels,
      compilerPath: request.compilerPath || undefined,
      zigFolders: this.options.storage === undefined ? [] : [this.options.storage],
      flags: request.compilerFlags,
      flagsFolder: path.dirname(request.file),
      btf: request.kernelBtf === '' ? {} : { file: request.kernelBtf },
      pool: this.pool,
      signal: AbortSignal.any([request.signal, timeLimit]),
    });
    const findings = verdicts.compilerDiagnostics;
    const base = { findings, reports: verdicts.programs };
    if (request.signal.aborted) return { ...base, outcome: 'cancelled' };
    if (verdicts.cancelled || timeLimit.aborted) {
      return {
        ...base,
        outcome: 'failed',
        problem: {
          code: 'time-limit',
          message: `compiling and verifying took longer than ${request.timeLimitMs / 1000} s and was given up`,
          remedy: 'Raise bpfStudio.timeLimit or ask for fewer kernels.',
        },
      };
    }
    const { problem } = verdicts;
    if (problem === undefined) return { ...base, outcome: 'verified' };
    // A text without a program yet is no mistake: it is being written.
    if (problem.code === 'no-programs') return { ...base, outcome: 'verified' };
    if (NO_COMPILER.has(problem.code)) return { ...base, outcome: 'noCompiler', problem };
    if (NOT_COMPILED.has(problem.code)) return { ...base, outcome: 'notCompiled', problem };
    return { ...base, outcome: 'failed', problem };
  }

  targetsBpf(file: string): boolean {
    const command = compileCommandFor(file);
    return command.ok && command.value?.targetsBpf === true;
  }

  /** Compile commands are read again when their file's time changes; nothing else is kept. */
  filesChanged(): void {
    return;
  }

  dispose(): Promise<void> {
    return this.pool.close();
  }
}
