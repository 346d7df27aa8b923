/**
 * The debug sections of an object in the form that the DWARF reader takes: raw bytes and relocations by section name.
 * Reading DWARF is left to whoever needs variables; verifying an object never pays for it.
 */
import { readDwarf, hasDwarf, type DwarfRelocation, type DwarfSections } from '../dwarf/readDwarf';
import type { DwarfInfo } from '../dwarf/types';
import { readElf } from '../elf/readElf';
import { R_BPF, SHF, type ElfFile } from '../elf/types';
import { ok, type Result } from '../util/problem';

export function dwarfSectionsOf(elf: ElfFile): DwarfSections {
  const sections = new Map<string, Uint8Array>();
  const relocations = new Map<string, DwarfRelocation[]>();
  for (const section of elf.sections) {
    // Compressed debug sections are no compiler's default for BPF; without them there are no variables, no more.
    if (!section.name.startsWith('.debug_') || (section.flags & SHF.compressed) !== 0n) continue;
    sections.set(section.name, section.data);
    const list: DwarfRelocation[] = [];
    for (const r of elf.relocations.get(section.index) ?? []) {
      if (r.type === R_BPF.none) continue;
      list.push({
        offset: r.offset,
        sizeBytes: r.type === R_BPF.abs64 ? 8 : 4,
        section: elf.sections[r.symbol.section]?.name ?? '',
        addend: r.symbol.value + Number(r.addend ?? 0n),
      });
    }
    relocations.set(section.name, list);
  }
  return { littleEndian: elf.littleEndian, sections, relocations };
}

/** Debug information of an object's bytes; undefined when it has none. Malformed DWARF is a problem, the object may still be good. */
export function readObjectDwarf(file: string, bytes: Uint8Array): Result<DwarfInfo | undefined> {
  const elf = readElf(file, bytes);
  if (!elf.ok) return elf;
  const sections = dwarfSectionsOf(elf.value);
  return hasDwarf(sections) ? readDwarf(file, sections) : ok(undefined);
}
