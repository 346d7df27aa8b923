/**
 * Runs one external program without a shell: bounded output, a time limit, cancellable, with an environment that holds
 * nothing that could change what a compiler does (CPATH, CCC_OVERRIDE_OPTIONS, …).
 */
import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeLimitMs: number;
  readonly signal?: AbortSignal;
  /** Output beyond this is dropped. */
  readonly outputLimitBytes?: number;
}

export interface RunOutcome {
  readonly end: 'exit' | 'cancelled' | 'timeLimit' | 'notStarted';
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a child needs of our environment to run at all. */
const KEPT = [
  'PATH',
  'HOME',
  'USERPROFILE',
  'LOCALAPPDATA',
  'APPDATA',
  'SystemRoot',
  'TMPDIR',
  'TMP',
  'TEMP',
];

export function childEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { LC_ALL: 'C' };
  for (const name of KEPT) {
    if (process.env[name] !== undefined) env[name] = process.env[name];
  }
  return { ...env, ...extra };
}

export function runProgram(file: string, args: readonly string[], options: RunOptions): Promise<RunOutcome> {
  const limit = options.outputLimitBytes ?? 1 << 20;
  return new Promise((resolve) => {
    if (options.signal?.aborted) {
      resolve({ end: 'cancelled', exitCode: -1, stdout: '', stderr: '' });
      return;
    }
    let end: RunOutcome['end'] = 'exit';
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: childEnvironment(options.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    const kept: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
    const sizes = { stdout: 0, stderr: 0 };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (chunk: Buffer) => {
        if (sizes[name] < limit) kept[name].push(chunk.subarray(0, limit - sizes[name]));
        sizes[name] += chunk.length;
      });
    }
    const stop = (why: RunOutcome['end']): void => {
      end = why;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => stop('timeLimit'), options.timeLimitMs);
    const onAbort = (): void => stop('cancelled');
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const finish = (outcome: Pick<RunOutcome, 'end' | 'exitCode'>): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      resolve({
        ...outcome,
        stdout: Buffer.concat(kept.stdout).toString('utf8'),
        stderr: Buffer.concat(kept.stderr).toString('utf8'),
      });
    };
    child.on('error', () => finish({ end: end === 'exit' ? 'notStarted' : end, exitCode: -1 }));
    child.on('close', (code) => finish({ end, exitCode: code ?? -1 }));
  });
}
