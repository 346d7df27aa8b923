/**
 * Global variables: every data section becomes an array map with one element. Its value type is the section's DATASEC.
 */
import { SHF, SHT, type ElfSection } from '../elf/types';
import { objectName, type LoadContext } from './context';
import type { PlacedMap } from './mapDefinitions';
import { datasecOf } from './objectBtf';

const BPF_F_RDONLY_PROG = 1 << 7;
const BPF_F_MMAPABLE = 1 << 10;
/** A file of a few bytes may claim a `.bss` of gigabytes: beyond this its zeroes are not made here. */
const MAX_ZEROES_BYTES = 1 << 26;
const KERNEL_NAME_LENGTH = 15;

export type DataKind = 'data' | 'rodata' | 'bss';

/** What kind of data map a section becomes, or undefined. */
export function dataKind(section: ElfSection): DataKind | undefined {
  const named = (stem: string): boolean => section.name === stem || section.name.startsWith(stem + '.');
  if (section.sizeBytes === 0) return undefined;
  if (section.type === SHT.progbits && (section.flags & SHF.execInstr) === 0n) {
    if (named('.data')) return 'data';
    if (named('.rodata')) return 'rodata';
  }
  return section.type === SHT.nobits && named('.bss') ? 'bss' : undefined;
}

export function readGlobalData(context: LoadContext): PlacedMap[] {
  const maps: PlacedMap[] = [];
  let zeroesLeft = MAX_ZEROES_BYTES;
  for (const section of context.elf.sections) {
    const kind = dataKind(section);
    if (kind === undefined) continue;
    if (kind === 'bss') zeroesLeft -= section.sizeBytes;
    maps.push({
      spec: dataMap(
        context,
        section.name,
        section.sizeBytes,
        kind !== 'bss'
          ? new Uint8Array(section.data)
          : zeroesLeft >= 0
            ? new Uint8Array(section.sizeBytes)
            : undefined,
        kind === 'rodata',
      ),
      sectionIndex: section.index,
      offset: 0,
      kind: 'data',
    });
  }
  return maps;
}

/** @param data undefined: all zeroes, too many to make here. */
export function dataMap(
  context: LoadContext,
  section: string,
  sizeBytes: number,
  data: Uint8Array | undefined,
  readOnly: boolean,
): PlacedMap['spec'] {
  const described = datasecOf(context.btf, section);
  const types = context.btf?.types;
  // User space maps the section into its memory only when there is a variable that it could name.
  const mmapable =
    types !== undefined &&
    described?.type.vars.some(({ type }) => {
      const variable = types[type];
      return variable.kind === 'var' && variable.linkage !== 'static';
    }) === true;
  return {
    name: dataMapName(objectName(context.file), section),
    type: 'BPF_MAP_TYPE_ARRAY',
    keySizeBytes: 4,
    valueSizeBytes: sizeBytes,
    maxEntries: 1,
    flags: (readOnly ? BPF_F_RDONLY_PROG : 0) | (mmapable ? BPF_F_MMAPABLE : 0),
    keyTypeId: 0,
    valueTypeId: described?.id ?? 0,
    initial: [],
    data,
    section,
    frozen: readOnly,
    pinning: 'none',
    mapExtra: 0n,
  };
}

/** `heartbea.rodata`; custom sections keep their own name. */
function dataMapName(object: string, section: string): string {
  if (section.indexOf('.', 1) > 0) return section;
  const room = KERNEL_NAME_LENGTH - Math.min(KERNEL_NAME_LENGTH, Math.max(7, section.length));
  return (object.slice(0, room) + section).replace(/[^A-Za-z0-9_.]/g, '_');
}
