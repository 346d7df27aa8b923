/** Asks a real kernel's verifier about every program of compiled objects, each program loaded alone. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { boot, type KernelName } from './boot';

/** One program's answer, as guest/loader.c prints it. */
export interface KernelVerdict {
  readonly file: string;
  readonly section?: string;
  readonly prog?: string;
  readonly verdict: 'ok' | 'fail' | 'libbpf_error' | 'timeout' | 'kernel_crash';
  readonly errno?: number;
  /** The log's last line. */
  readonly error?: string;
  /** All of a longer log. */
  readonly messages?: string;
  readonly processed_insns?: number;
  /** Flags that the program was loaded with, where annotations of a test ask for some. */
  readonly prog_flags?: number;
  readonly kernel?: string;
  readonly log?: string;
}

/** @param logLevel 0: verdict, message and statistics only; 1 or 2: the log too. */
export async function verifyOnKernel(
  kernel: KernelName,
  files: readonly string[],
  logLevel: 0 | 1 | 2 = 0,
): Promise<KernelVerdict[]> {
  const results: KernelVerdict[] = [];
  let remaining = [...files];
  while (remaining.length > 0) {
    const guestFiles = new Map<string, Uint8Array>();
    // libbpf names data maps after the file.
    const inGuest = (file: string, i: number): string => `in/o/${i}/${path.basename(file)}`;
    remaining.forEach((file, i) => guestFiles.set(inGuest(file, i), fs.readFileSync(file)));
    guestFiles.set(
      'in/spec',
      Buffer.from(remaining.map((file, i) => `/${inGuest(file, i)}\t${file}\n`).join('')),
    );
    const run = await boot(
      kernel,
      ['verify', '/in/spec', `level=${logLevel}`, 'cap=67108864', 'timeout=120'],
      guestFiles,
    );
    const done = new Set<number>();
    const logs = new Map<number, string>();
    let current: number | undefined;
    for (const { tag, body } of run.records) {
      if (tag === 'B') current = Number(body.toString());
      else if (tag === 'D') {
        done.add(Number(body.toString()));
        current = undefined;
      } else if (tag === 'L') {
        const newline = body.indexOf(10);
        logs.set(Number(body.toString('latin1', 0, newline)), body.toString('utf8', newline + 1));
      } else if (tag === 'J') {
        const { log_id: logId, ...answer } = JSON.parse(body.toString()) as KernelVerdict & {
          log_id?: number;
        };
        results.push(logId === undefined ? answer : { ...answer, log: logs.get(logId) });
      }
    }
    if (run.finished) break;
    if (current === undefined && done.size === 0)
      throw new Error(`the ${kernel} guest gave no results:\n${run.console.slice(-3000)}`);
    if (current !== undefined) {
      // The guest died on this object: blame it, go on with the rest in a new boot.
      results.push({
        file: remaining[current],
        verdict: 'kernel_crash',
        error: run.console.split('\n').slice(-12).join('\n'),
      });
      done.add(current);
    }
    remaining = remaining.filter((_, i) => !done.has(i));
  }
  return results;
}
