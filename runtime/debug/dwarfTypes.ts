/**
 * DWARF types as BTF, so that one set of type tools (sizes, names, members) serves variables from debug information
 * and map values from BTF alike. BTF id of DWARF type `i` is `i + 1`; inner dimensions of arrays stand after all others.
 */
import type { Btf, BtfType } from '../btf/types';
import type { DwarfInfo, DwarfType } from '../dwarf/types';

export const btfIdOf = (dwarfType: number): number => dwarfType + 1;

export function btfOfDwarf(info: DwarfInfo): Btf {
  const types: BtfType[] = [{ kind: 'void', name: '' }];
  const extra: BtfType[] = [];
  const total = info.types.length;
  const arrayOf = (element: number, counts: readonly number[]): BtfType => {
    let type = element;
    for (let i = counts.length - 1; i > 0; i--) {
      extra.push({ kind: 'array', name: '', type, indexType: 0, count: counts[i] });
      type = total + extra.length;
    }
    return { kind: 'array', name: '', type, indexType: 0, count: counts[0] ?? 0 };
  };
  for (const type of info.types) types.push(convert(type, arrayOf));
  types.push(...extra);
  return { types };
}

function convert(type: DwarfType, arrayOf: (element: number, counts: readonly number[]) => BtfType): BtfType {
  switch (type.kind) {
    case 'base':
      if (type.encoding === 'float') return { kind: 'float', name: type.name, sizeBytes: type.sizeBytes };
      return {
        kind: 'int',
        name: type.name,
        sizeBytes: type.sizeBytes,
        bits: 8 * type.sizeBytes,
        bitOffset: 0,
        encoding: type.encoding,
      };
    case 'pointer':
      return { kind: 'ptr', name: '', type: btfIdOf(type.target) };
    case 'array':
      return arrayOf(btfIdOf(type.element), type.counts);
    case 'struct':
    case 'union':
      if (type.declaration) return { kind: 'fwd', name: type.name, of: type.kind };
      return {
        kind: type.kind,
        name: type.name,
        sizeBytes: type.sizeBytes,
        members: type.members.map((m) => ({
          name: m.name,
          type: btfIdOf(m.type),
          offsetBits: m.offsetBits,
          bitfieldSizeBits: m.bitSize,
        })),
      };
    case 'enum':
      return {
        kind: 'enum',
        name: type.name,
        sizeBytes: type.sizeBytes,
        signed: type.signed,
        values: type.values,
      };
    case 'typedef':
    case 'const':
    case 'volatile':
    case 'restrict':
      return { kind: type.kind, name: type.name, type: btfIdOf(type.target) };
    case 'function':
      return {
        kind: 'funcProto',
        name: '',
        returnType: btfIdOf(type.returns),
        params: type.params.map((p) => ({ name: '', type: btfIdOf(p) })),
      };
  }
}
