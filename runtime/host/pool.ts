/**
 * A pool of verify workers. Tasks wait in order; a cancelled one stops within a slice. A worker that dies (out of memory,
 * a crash of the runtime) is replaced once for its task and reported; dying twice on one task is that task's problem.
 * Where worker threads cannot be had, the work is done inline.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import { fail, type Result } from '../util/problem';
import type { JudgeRequest, Judgement } from './judge';
import { internalErrorProblem } from './internalError';
import type { WorkerAnswer, WorkerTask } from './workerMessages';

export interface PoolOptions {
  /** Default: CPUs less one, at least 1, at most 8. 0 means inline. */
  readonly size?: number;
  /** Told when a worker died and was replaced. */
  readonly onWorkerDied?: (message: string) => void;
  /** Another worker file; for tests. */
  readonly workerFile?: string;
}

interface Job {
  readonly task: WorkerTask;
  readonly done: (result: Result<Judgement> | undefined) => void;
  deaths: number;
}

interface Slot {
  worker: Worker;
  job?: Job;
}

const MEMORY_LIMIT_MB = 4096;

export class Pool {
  private readonly size: number;
  private readonly file: string;
  private readonly slots: Slot[] = [];
  private readonly waiting: Job[] = [];
  private nextId = 1;
  private closed = false;

  constructor(private readonly options: PoolOptions = {}) {
    this.file = options.workerFile ?? path.join(__dirname, 'worker.js');
    const wanted = options.size ?? Math.min(8, Math.max(1, os.availableParallelism() - 1));
    this.size = fs.existsSync(this.file) ? wanted : 0;
  }

  /** Judges in a worker. Resolves to undefined when `signal` was aborted. */
  run(request: JudgeRequest, signal?: AbortSignal): Promise<Result<Judgement> | undefined> {
    if (signal?.aborted || this.closed) return Promise.resolve(undefined);
    if (this.size === 0) return judgeInline(request, signal);
    const cancel = new SharedArrayBuffer(4);
    return new Promise((resolve) => {
      const onAbort = (): void => {
        Atomics.store(new Int32Array(cancel), 0, 1);
        const at = this.waiting.indexOf(job);
        if (at >= 0) {
          this.waiting.splice(at, 1);
          resolve(undefined);
        }
      };
      const job: Job = {
        task: { id: this.nextId++, request, cancel },
        deaths: 0,
        done: (result) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(result);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.waiting.push(job);
      this.dispatch();
    });
  }

  /** Ends all workers; tasks under way resolve to undefined. */
  async close(): Promise<void> {
    this.closed = true;
    for (const job of this.waiting.splice(0)) job.done(undefined);
    const slots = this.slots.splice(0);
    for (const slot of slots) {
      slot.job?.done(undefined);
      slot.job = undefined;
    }
    await Promise.all(slots.map((slot) => slot.worker.terminate()));
  }

  private dispatch(): void {
    while (this.waiting.length > 0 && !this.closed) {
      let slot = this.slots.find((candidate) => candidate.job === undefined);
      if (!slot) {
        if (this.slots.length >= this.size) return;
        slot = this.start();
      }
      const job = this.waiting.shift();
      if (!job) return;
      slot.job = job;
      slot.worker.ref();
      slot.worker.postMessage(job.task);
    }
  }

  private start(): Slot {
    const worker = new Worker(this.file, { resourceLimits: { maxOldGenerationSizeMb: MEMORY_LIMIT_MB } });
    const slot: Slot = { worker };
    this.slots.push(slot);
    let reason = 'it ended by itself';
    worker.on('message', (answer: WorkerAnswer) => {
      const job = slot.job;
      slot.job = undefined;
      worker.unref(); // An idle worker must not keep the process alive.
      if (job) {
        job.done(
          answer.crash !== undefined
            ? fail(internalErrorProblem(job.task.request.file, answer.crash))
            : answer.cancelled
              ? undefined
              : answer.result,
        );
      }
      this.dispatch();
    });
    worker.on('error', (error) => {
      reason = error instanceof Error ? error.message : String(error);
    });
    worker.on('exit', () => this.died(slot, reason));
    return slot;
  }

  private died(slot: Slot, reason: string): void {
    const at = this.slots.indexOf(slot);
    if (at < 0) return; // Closed by us.
    this.slots.splice(at, 1);
    const job = slot.job;
    if (!job) return;
    job.deaths++;
    const { file } = job.task.request;
    if (job.deaths === 1) {
      this.options.onWorkerDied?.(
        `a verify worker died while judging ${file} (${reason}); it was started again`,
      );
      this.waiting.unshift(job);
    } else {
      job.done(
        fail({
          code: 'worker-died',
          message: `${file}: the verify worker died twice (${reason})`,
          place: { file },
          remedy: 'The program may need more memory than there is; please report it with the file.',
        }),
      );
    }
    this.dispatch();
  }
}

/** The same work in this thread; cancellation is only seen before it begins. */
export async function judgeInline(
  request: JudgeRequest,
  signal?: AbortSignal,
): Promise<Result<Judgement> | undefined> {
  try {
    // Loaded only here: whoever has workers never needs the verifier in the main thread.
    const { judge } = await import('./judge');
    return judge(request, () => signal?.aborted ?? false);
  } catch (error) {
    return fail(internalErrorProblem(request.file, error instanceof Error ? error.message : String(error)));
  }
}
