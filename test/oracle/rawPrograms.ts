/** Asks a real kernel's verifier about bare instruction sequences (runtime/loader/rawProgram.ts), about a thousand a second. */
import { writeBtf } from '../../runtime/btf/writeBtf';
import { rawObject, type RawProgram } from '../../runtime/loader/rawProgram';
import type { MapSpec } from '../../runtime/loader/objectSpec';
import { mapTypeByName } from '../../runtime/spec/mapTypes';
import { progTypeByName } from '../../runtime/spec/progTypes';
import { bytesToHex } from '../../runtime/util/hexText';
import { boot, type KernelName } from './boot';

export interface RawAnswer {
  readonly id: string | number;
  readonly verdict: 'ok' | 'fail' | 'setup_error' | 'kernel_crash';
  readonly errno?: number;
  readonly error?: string;
  readonly messages?: string;
  readonly processed_insns?: number;
  readonly log?: string;
}

/** The loader's line language: X resets, T adds BTF, M a map, P a program (guest/loader.c). */
class GuestSpec {
  readonly lines: string[] = ['X'];
  private readonly maps = new Map<string, number>();
  private readonly btfs = new Map<string, number>();

  private btf(hexText: string): number {
    let index = this.btfs.get(hexText);
    if (index === undefined) {
      index = this.btfs.size;
      this.btfs.set(hexText, index);
      this.lines.push(`T ${hexText}`);
    }
    return index;
  }

  private map(spec: MapSpec, btfHex: string | undefined): number {
    const type = mapTypeByName(spec.type);
    let line = `M type=${type?.id ?? 0} key=${spec.keySizeBytes} value=${spec.valueSizeBytes} max=${spec.maxEntries} flags=${spec.flags}`;
    if (spec.valueTypeId !== 0 && btfHex !== undefined)
      line += ` btf=${this.btf(btfHex)} kt=${spec.keyTypeId} vt=${spec.valueTypeId}`;
    if (spec.inner) line += ` inner=${this.map(spec.inner, btfHex)}`;
    if (spec.frozen) line += ' freeze=1';
    let index = this.maps.get(line);
    if (index === undefined) {
      index = this.maps.size;
      this.maps.set(line, index);
      this.lines.push(line);
    }
    return index;
  }

  private reset(): void {
    this.lines.push('X');
    this.maps.clear();
    this.btfs.clear();
  }

  add(index: number, raw: RawProgram, logLevel: number): void {
    const read = rawObject(raw);
    if (!read.ok) throw new Error(read.problem.message);
    const { object, program } = read.value;
    if (this.maps.size > 2000 || this.btfs.size > 2000) this.reset();
    const btfHex = object.btf ? bytesToHex(writeBtf(object.btf)) : undefined;
    // The same map twice in one program must stay two maps.
    const maps = object.maps.map((m) => this.map(m, btfHex));
    let line = `P id=${index} type=${progTypeByName(program.type)?.id ?? 0} level=${logLevel}`;
    if (raw.expected_attach_type !== undefined) line += ` eat=${raw.expected_attach_type}`;
    if (raw.attach_btf_id !== undefined) line += ` abtf=${raw.attach_btf_id}`;
    if (raw.flags !== undefined) line += ` flags=${raw.flags}`;
    if (raw.license !== undefined) line += ` lic=${raw.license}`;
    if (raw.funcs && btfHex !== undefined) {
      line += ` btf=${this.btf(btfHex)} fi=${program.functions.map((f) => `${f.insnIdx}:${f.btfId}`).join(',')}`;
    }
    if (maps.length > 0) line += ` maps=${maps.join(',')}`;
    this.lines.push(`${line} insns=${raw.insns.replace(/\s/g, '')}`);
  }
}

/** Answers in the order of `programs`. A guest that dies is blamed on the program it was at; the rest go on in a new boot. */
export async function rawOnKernel(
  kernel: KernelName,
  programs: readonly RawProgram[],
  logLevel: 0 | 1 | 2 = 0,
): Promise<RawAnswer[]> {
  const answers: RawAnswer[] = [];
  while (answers.length < programs.length) {
    const start = answers.length;
    const spec = new GuestSpec();
    programs.slice(start).forEach((p, i) => spec.add(i, p, logLevel));
    const run = await boot(
      kernel,
      ['raw', '/in/spec', 'timeout=60'],
      new Map([['in/spec', Buffer.from(spec.lines.join('\n') + '\n')]]),
    );
    const logs = new Map<number, string>();
    for (const { tag, body } of run.records) {
      if (tag === 'L') {
        const newline = body.indexOf(10);
        logs.set(Number(body.toString('latin1', 0, newline)), body.toString('utf8', newline + 1));
      } else if (tag === 'J') {
        const { log_id: logId, ...answer } = JSON.parse(body.toString()) as RawAnswer & { log_id?: number };
        answers.push({
          ...answer,
          id: programs[answers.length].id ?? answers.length,
          log: logId === undefined ? undefined : logs.get(logId),
        });
      }
    }
    if (run.finished) break;
    if (answers.length < programs.length) {
      answers.push({
        id: programs[answers.length].id ?? answers.length,
        verdict: 'kernel_crash',
        error: run.console.slice(-800),
      });
    }
  }
  return answers;
}
