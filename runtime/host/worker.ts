/**
 * Entry of a worker thread: answers verify tasks one after the other until its pool ends it; or, when its data say so,
 * makes a `vmlinux.h` and ends.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { judge } from './judge';
import { makeVmlinux, type VmlinuxJob } from './vmlinuxHeader';
import type { WorkerAnswer, WorkerTask } from './workerMessages';

const job = workerData as VmlinuxJob | null;
if (job) void makeVmlinux(job).then((folder) => parentPort?.postMessage(folder));
else parentPort?.on('message', answerTask);

function answerTask(task: WorkerTask): void {
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
}
