/** Asks a real kernel's verifier about bare instruction sequences (runtime/loader/rawProgram.ts), about a thousand a second. */
import { writeBtf } from '../../runtime/btf/writeBtf';
import { rawObject, type RawProgram } from '../../runtime/loader/rawProgram';
import type { MapSpec, ProgramSpec } from '../../runtime/loader/objectSpec';
import { HOLDS_PROGRAMS, mapTypeByName } from '../../runtime/spec/mapTypes';
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

  private map(spec: MapSpec, btfHex: string | undefined, owner: string): number {
    const type = mapTypeByName(spec.type);
    let line = `M type=${type?.id ?? 0} key=${spec.keySizeBytes} value=${spec.valueSizeBytes} max=${spec.maxEntries} flags=${spec.flags}`;
    if (spec.valueTypeId !== 0 && btfHex !== undefined)
      line += ` btf=${this.btf(btfHex)} kt=${spec.keyTypeId} vt=${spec.valueTypeId}`;
    if (spec.inner) line += ` inner=${this.map(spec.inner, btfHex, '')}`;
    if (spec.frozen) line += ' freeze=1';
    if (spec.targets !== undefined) line += ` targets=${spec.targets.join(',')}`;
    const key = `${owner} ${line}`;
    let index = this.maps.get(key);
    if (index === undefined) {
      index = this.maps.size;
      this.maps.set(key, index);
      this.lines.push(line);
    }
    return index;
  }

  private reset(): void {
    this.lines.push('X');
    this.maps.clear();
    this.btfs.clear();
  }

  /** Each map and the functions have BTF of their own. @returns false when the description cannot be handed to a kernel. */
  add(index: number, raw: RawProgram, logLevel: number): boolean {
    const whole = rawObject(raw);
    const own = rawObject({ ...raw, maps: [] });
    if (!whole.ok || !own.ok) return false;
    if (this.maps.size > 2000 || this.btfs.size > 2000) this.reset();
    const { program, object } = own.value;
    const before = new Map<string, number>();
    const maps = whole.value.object.maps.map((spec, i) => {
      const typed = rawObject({ insns: '', maps: [raw.maps?.[i] ?? {}] });
      if (!typed.ok) throw new Error(typed.problem.message);
      const { btf, maps: alone } = typed.value.object;
      const btfHex = btf ? bytesToHex(writeBtf(btf)) : undefined;
      // The same map twice in one program stays two maps.
      const kind = sharedBy(spec, program, index);
      const text = `${kind} ${JSON.stringify(raw.maps?.[i])}`;
      const nth = before.get(text) ?? 0;
      before.set(text, nth + 1);
      return this.map(alone[0], btfHex, `${nth} ${kind}`);
    });
    const { load } = program;
    let line = `P id=${index} type=${progTypeByName(load?.programType ?? '')?.id ?? numberOf(raw.type)} level=${logLevel}`;
    if (raw.expected_attach_type !== undefined) line += ` eat=${raw.expected_attach_type}`;
    if (raw.attach_btf_id !== undefined) line += ` abtf=${raw.attach_btf_id}`;
    if (raw.flags !== undefined) line += ` flags=${raw.flags}`;
    if (raw.license !== undefined) line += ` lic=${object.license}`;
    if (object.btf !== undefined) {
      const records = load?.functionRecords ?? [];
      line += ` btf=${this.btf(bytesToHex(writeBtf(object.btf)))} fi=${records.map(([at, type]) => `${at}:${type}`).join(',')}`;
    }
    if (maps.length > 0) line += ` maps=${maps.join(',')}`;
    this.lines.push(`${line} insns=${raw.insns.replace(/\s/g, '')}`);
    return true;
  }
}

/** Who may share a map: one that holds programs takes those of one type, a jump table is one program's. */
function sharedBy(map: MapSpec, { type, attachType }: ProgramSpec, index: number): string {
  if (map.type === 'BPF_MAP_TYPE_INSN_ARRAY') return `program ${index}`;
  return HOLDS_PROGRAMS.has(map.type) ? `${type} ${attachType}` : '';
}

const numberOf = (type: unknown): number => (typeof type === 'number' ? type : 0);

/** Answers in the order of `programs`. A guest that dies is blamed on the program it was at; the rest go on in a new boot. */
export async function rawOnKernel(
  kernel: KernelName,
  programs: readonly RawProgram[],
  logLevel: 0 | 1 | 2 = 0,
): Promise<RawAnswer[]> {
  const answers = programs.map((raw, i): RawAnswer => ({
    id: raw.id ?? i,
    verdict: 'setup_error',
    error: 'a malformed description',
  }));
  let start = 0;
  while (start < programs.length) {
    const spec = new GuestSpec();
    const asked: number[] = [];
    for (let i = start; i < programs.length; i++) if (spec.add(i, programs[i], logLevel)) asked.push(i);
    if (asked.length === 0) break;
    const run = await boot(
      kernel,
      ['raw', '/in/spec', 'timeout=60'],
      new Map([['in/spec', Buffer.from(spec.lines.join('\n') + '\n')]]),
    );
    const logs = new Map<number, string>();
    let got = 0;
    for (const { tag, body } of run.records) {
      if (tag === 'L') {
        const newline = body.indexOf(10);
        logs.set(Number(body.toString('latin1', 0, newline)), body.toString('utf8', newline + 1));
      } else if (tag === 'J') {
        const { log_id: logId, ...answer } = JSON.parse(body.toString()) as RawAnswer & { log_id?: number };
        const at = asked[got++];
        const log = logId === undefined ? undefined : logs.get(logId);
        answers[at] = { ...answer, id: programs[at].id ?? at, log };
      }
    }
    if (run.finished || got === asked.length) break;
    const at = asked[got];
    const error = run.console.slice(-800);
    answers[at] = { id: programs[at].id ?? at, verdict: 'kernel_crash', error };
    start = at + 1;
  }
  return answers;
}
