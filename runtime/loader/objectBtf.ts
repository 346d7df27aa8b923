/**
 * The object's own BTF, completed from the ELF file the way the reference loader does it: compilers leave sizes and
 * offsets of data sections as zeroes, and hidden functions and variables count as static. Ids stay the same.
 */
import { STV, type ElfFile, type ElfSymbol } from '../elf/types';
import { findSection } from '../elf/readElf';
import { STT, STB } from '../elf/types';
import type { Btf, BtfType } from '../btf/types';

type Datasec = Extract<BtfType, { kind: 'datasec' }>;

export function completeBtf(raw: Btf, elf: ElfFile): Btf {
  const types = [...raw.types];
  const globals = new Map<string, ElfSymbol>();
  for (const symbol of elf.symbols) {
    if (symbol.binding !== STB.local && (symbol.type === STT.object || symbol.type === STT.noType)) {
      globals.set(symbol.name, symbol);
    }
  }
  const hidden = (symbol: ElfSymbol | undefined): boolean =>
    symbol !== undefined && (symbol.visibility === STV.hidden || symbol.visibility === STV.internal);

  raw.types.forEach((type, id) => {
    if (type.kind !== 'datasec' || type.name === '.kconfig' || type.name === '.ksyms') return;
    const sizeKnown = type.sizeBytes !== 0;
    const vars = type.vars.map((entry) => {
      const variable = raw.types[entry.type];
      if (variable.kind !== 'var' || variable.linkage !== 'global') return entry;
      const symbol = globals.get(variable.name);
      if (hidden(symbol)) types[entry.type] = { ...variable, linkage: 'static' };
      return sizeKnown || symbol === undefined ? entry : { ...entry, offset: symbol.value };
    });
    vars.sort((a, b) => a.offset - b.offset);
    const sizeBytes = sizeKnown ? type.sizeBytes : (findSection(elf, type.name)?.sizeBytes ?? 0);
    types[id] = { ...type, sizeBytes, vars } satisfies Datasec;
  });

  const hiddenFunctions = new Set(
    elf.symbols
      .filter((symbol) => symbol.type === STT.func && symbol.binding !== STB.local && hidden(symbol))
      .map((symbol) => symbol.name),
  );
  if (hiddenFunctions.size > 0) {
    types.forEach((type, id) => {
      if (type.kind === 'func' && type.linkage === 'global' && hiddenFunctions.has(type.name)) {
        types[id] = { ...type, linkage: 'static' };
      }
    });
  }
  return { types };
}

/** The variables of a data section by name; undefined when BTF does not describe the section. */
export function datasecOf(btf: Btf | undefined, section: string): { id: number; type: Datasec } | undefined {
  if (btf === undefined) return undefined;
  for (let id = 1; id < btf.types.length; id++) {
    const type = btf.types[id];
    if (type.kind === 'datasec' && type.name === section) return { id, type };
  }
  return undefined;
}
