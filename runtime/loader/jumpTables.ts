/**
 * Jump tables that a compiler put into `.jumptables`: the address of an instruction of its section per entry. The loader
 * makes of each a frozen array of instructions for every program that refers to it, since the numbers are the program's own.
 */
import { INSN_SIZE_BYTES } from '../insn/decode';
import type { ElfFile, ElfSymbol } from '../elf/types';
import type { CodeFunction } from './code';
import type { MapSpec } from './objectSpec';

export const JUMP_TABLES_SECTION = '.jumptables';
const ENTRY_BYTES = 8;
const VALUE_BYTES = 16;
const SLOT_MAX = 0xffff_ffffn;

/**
 * The table at `symbol` for the program `owner`, as code of `place` that was put at slot `base` uses it; a text says why
 * there is none.
 */
export function readJumpTable(
  elf: ElfFile,
  symbol: ElfSymbol,
  place: CodeFunction,
  base: number,
  owner: string,
): MapSpec | string {
  const { data } = elf.sections[symbol.section];
  const { value: from, sizeBytes } = symbol;
  if (from % ENTRY_BYTES !== 0) return `it starts at ${from}, which is not a multiple of ${ENTRY_BYTES}`;
  if (sizeBytes % ENTRY_BYTES !== 0)
    return `it has ${sizeBytes} bytes, which is not a multiple of ${ENTRY_BYTES}`;
  if (sizeBytes === 0) return 'it has no size';
  if (from + sizeBytes > data.length) return 'it ends behind its section';
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const targets: number[] = [];
  for (let at = from; at < from + sizeBytes; at += ENTRY_BYTES) {
    const inSection = view.getBigUint64(at, elf.littleEndian) / BigInt(INSN_SIZE_BYTES);
    const slot = BigInt.asUintN(64, inSection - BigInt(place.start) + BigInt(base));
    if (slot > SLOT_MAX) return `its entry at ${at} points before the function`;
    targets.push(Number(slot));
  }
  return {
    name: JUMP_TABLES_SECTION,
    type: 'BPF_MAP_TYPE_INSN_ARRAY',
    keySizeBytes: 4,
    valueSizeBytes: VALUE_BYTES,
    maxEntries: targets.length,
    flags: 0,
    keyTypeId: 0,
    valueTypeId: 0,
    initial: [],
    frozen: true,
    pinning: 'none',
    mapExtra: 0n,
    targets,
    ownedBy: owner,
  };
}
