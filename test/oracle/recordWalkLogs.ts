/**
 * Records the kernels' level-2 logs of every tenth program of the rule book's objects: `node out/test/oracle/recordWalkLogs.js`
 * writes `test/fixtures/rulebook/walkLogs.json`. `differs` names the programs whose log ours is known not to equal: it is
 * written anew from what we print now, so look at its change. Not a test.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fixture } from '../support/paths';
import { walkLines } from '../support/walkLog';
import { ourWalkLogs, type WalkLogs } from '../support/walkLogs';
import { KERNELS, setUp } from './boot';
import { verifyOnKernel } from './verifyObjects';

const EVERY = 10;

async function main(): Promise<void> {
  setUp();
  const folder = fixture('rulebook');
  const objects = fs.readdirSync(folder).filter((f) => f.endsWith('.bpf.o'));
  const recorded: WalkLogs = { logs: {}, differs: {} };
  for (const kernel of KERNELS) {
    const logs: Record<string, string[]> = {};
    let at = 0;
    for (const answer of await verifyOnKernel(
      kernel,
      objects.map((f) => path.join(folder, f)),
      2,
    )) {
      if (answer.prog === undefined || (answer.verdict !== 'ok' && answer.verdict !== 'fail')) continue;
      const lines = walkLines(answer.log ?? '');
      if (at++ % EVERY === 0 && lines.length > 0)
        logs[`${path.basename(answer.file)}:${answer.prog}`] = lines;
    }
    recorded.logs[kernel] = logs;
    const ours = ourWalkLogs(kernel, Object.keys(logs));
    recorded.differs[kernel] = Object.keys(logs).filter(
      (id) => logs[id].join('\n') !== ours.get(id)?.join('\n'),
    );
  }
  fs.writeFileSync(path.join(folder, 'walkLogs.json'), JSON.stringify(recorded, null, 1) + '\n');
}

void main();
