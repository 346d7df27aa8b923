/** What the pool and its workers say to each other. Structured-cloneable; a task's bytes are copied, not moved. */
import type { Problem, Result } from '../util/problem';
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

/** How a crash of our own is told: one line, with what to do. */
export function crashProblem(file: string, text: string): Problem {
  return {
    code: 'internal-error',
    message: `${file}: internal error of BPF Studio: ${text.split('\n')[0]}`,
    place: { file },
    remedy: 'This is our bug, not yours: please report it with the file.',
  };
}
