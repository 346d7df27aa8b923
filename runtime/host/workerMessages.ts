/** What the pool and its workers say to each other. Structured-cloneable; a task's bytes are copied, not moved. */
import type { Result } from '../util/problem';
import type { JudgeRequest, Judgement } from './judge';

export interface WorkerTask {
  readonly id: number;
  readonly request: JudgeRequest;
  /** One int32: not 0 when the task is cancelled. */
  readonly cancel: SharedArrayBuffer;
}

export interface WorkerAnswer {
  readonly id: number;
  readonly result?: Result<Judgement>;
  readonly cancelled: boolean;
  /** An exception inside: our bug, reported with its text. */
  readonly crash?: string;
}
