/** Entry of a verify worker (worker thread): answers tasks one after the other until its pool ends it. */
import { parentPort } from 'node:worker_threads';
import { judge } from './judge';
import type { WorkerAnswer, WorkerTask } from './workerMessages';

parentPort?.on('message', (task: WorkerTask) => {
  const flag = new Int32Array(task.cancel);
  let answer: WorkerAnswer;
  try {
    const result = judge(task.request, () => Atomics.load(flag, 0) !== 0);
    answer = { id: task.id, result, cancelled: result === undefined };
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    answer = { id: task.id, cancelled: false, crash: text };
  }
  parentPort?.postMessage(answer);
});
