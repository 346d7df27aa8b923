/** Reads one `.data` file of the bpf_conformance suite: sections `-- asm`, `-- raw`, `-- mem`, `-- result`, `-- error`. */
import type { Insn } from '../../runtime/insn/insn';
import { decode } from '../../runtime/insn/decode';
import { assembleSuite } from './suiteAssembler';

export interface SuiteCase {
  readonly insns: readonly Insn[];
  /** Slots of the `-- raw` section, when the file has one: what the suite's own assembler made. */
  readonly raw?: readonly Insn[];
  readonly memory: Uint8Array;
  readonly result?: bigint;
  readonly error?: string;
}

/** @throws Error when the file is not understood. */
export function readSuiteFile(text: string): SuiteCase {
  const sections = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const raw of text.split(/\r?\n/)) {
    const head = /^--\s*(.*?)\s*$/.exec(raw);
    if (head !== null) {
      current = [];
      sections.set(head[1], current);
    } else if (raw.trim() !== '' && !raw.startsWith('#')) current?.push(raw.trim());
  }
  const asm = sections.get('asm');
  const rawLines = sections.get('raw');
  const raw = rawLines === undefined ? undefined : decode(wordsToBytes(rawLines));
  if (asm === undefined && raw === undefined) throw new Error('no program in the file');
  const memory = Uint8Array.from(
    (sections.get('mem') ?? []).flatMap((line) => line.split(/\s+/).map((byte) => Number.parseInt(byte, 16))),
  );
  const result = sections.get('result')?.[0];
  return {
    insns: asm === undefined ? (raw ?? []) : assembleSuite(asm.join('\n')),
    raw,
    memory,
    result: result === undefined ? undefined : BigInt.asUintN(64, signed(result)),
    error: sections.get('error')?.join(' '),
  };
}

const signed = (text: string): bigint => (text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text));

/** One 64-bit number a slot. */
function wordsToBytes(lines: readonly string[]): Uint8Array {
  const words = lines.map((line) => BigInt(line.replace(/#.*/, '').trim()));
  const bytes = new Uint8Array(words.length * 8);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setBigUint64(8 * i, word, true));
  return bytes;
}
