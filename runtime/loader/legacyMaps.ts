/**
 * Maps as objects declared them before BTF: structs of numbers in a section `maps`. Today's loader refuses them; relaxed
 * loading takes them, and fills in what old loaders let the user set before loading.
 */
import { ByteReader } from '../util/byteReader';
import { SHT, STB, STT, type ElfSection } from '../elf/types';
import type { LoadContext } from './context';
import type { PlacedMap } from './mapDefinitions';
import { MAP_TYPE_NAMES } from './mapTypeNames';
import type { MapSpec } from './objectSpec';
import { refuse } from './refusal';

const isLegacy = (section: ElfSection): boolean =>
  section.type === SHT.progbits && (section.name === 'maps' || section.name.startsWith('maps/'));

/** Whether the object is of the time before BTF-defined maps. */
export const hasLegacyMaps = (context: LoadContext): boolean => context.elf.sections.some(isLegacy);

export function readLegacyMaps(context: LoadContext): PlacedMap[] {
  const { elf, file, options } = context;
  const sections = elf.sections.filter(isLegacy);
  if (sections.length === 0) return [];
  if (options.relaxed !== true) {
    // Only the exact name is refused; libbpf overlooks sections like maps/name and then refuses their relocations.
    const exact = sections.find(({ name }) => name === 'maps');
    if (exact === undefined) return [];
    refuse(
      file,
      'legacy-maps',
      `legacy map definitions in 'maps' section are not supported by libbpf v1.0+`,
      'Declare the maps with SEC(".maps") and __uint()/__type(), or load with --relaxed.',
      exact.fileOffset,
    );
  }
  const raw = sections.flatMap((section) => definitionsOf(context, section));
  return raw.map(({ name, section, offset, words }) => ({
    spec: {
      ...toSpec(context, name, words),
      inner: innerOf(
        context,
        name,
        words,
        raw.map((definition) => definition.words),
      ),
    },
    sectionIndex: section.index,
    offset,
    kind: 'map',
  }));
}

interface RawDefinition {
  readonly name: string;
  readonly section: ElfSection;
  readonly offset: number;
  readonly words: readonly number[];
}

/** A definition reaches from its symbol to the next one: loaders disagreed about its length, not about its beginning. */
function definitionsOf(context: LoadContext, section: ElfSection): RawDefinition[] {
  const names = new Map<number, string>();
  for (const symbol of context.elf.symbols) {
    if (symbol.section !== section.index || symbol.type === STT.section) continue;
    if (symbol.binding !== STB.local || symbol.sizeBytes > 0) names.set(symbol.value, symbol.name);
  }
  const offsets = [...names.keys()].sort((a, b) => a - b);
  return offsets.map((offset, i) => {
    const end = Math.min(offsets.at(i + 1) ?? section.sizeBytes, section.sizeBytes);
    const name = names.get(offset) ?? '';
    if (end - offset < 16) {
      return refuse(
        context.file,
        'bad-map-definition',
        `map '${name}': its legacy definition has only ${Math.max(0, end - offset)} bytes`,
        undefined,
        section.fileOffset + offset,
      );
    }
    const reader = new ByteReader(section.data, 'ELF', context.elf.littleEndian, section.fileOffset).seek(
      offset,
    );
    const words: number[] = [];
    while (reader.offset + 4 <= end && words.length < 16) words.push(reader.u32());
    return { name, section, offset, words };
  });
}

function toSpec(context: LoadContext, name: string, words: readonly number[]): MapSpec {
  const [typeNumber, keySizeBytes, valueSizeBytes, maxEntries, flags = 0] = words;
  const type = MAP_TYPE_NAMES[typeNumber];
  if (type === undefined || typeNumber === 0) {
    return refuse(context.file, 'bad-map-definition', `map '${name}': unknown map type ${typeNumber}`);
  }
  const isPerfArray = type === 'BPF_MAP_TYPE_PERF_EVENT_ARRAY';
  return {
    name,
    type,
    keySizeBytes: isPerfArray ? 4 : keySizeBytes,
    valueSizeBytes: isPerfArray || MAP_IN_MAP.has(type) ? 4 : valueSizeBytes,
    maxEntries: maxEntries === 0 ? 1 : maxEntries,
    // The highest bit was a private mark of one old loader.
    flags: flags & 0x7fff_ffff,
    keyTypeId: 0,
    valueTypeId: 0,
    initial: [],
    frozen: false,
    pinning: 'none',
    mapExtra: 0n,
  };
}

const MAP_IN_MAP = new Set(['BPF_MAP_TYPE_ARRAY_OF_MAPS', 'BPF_MAP_TYPE_HASH_OF_MAPS']);

/** Which map is the template: by tc's inner id, or by the kernel samples' inner index, or none was named. */
function innerOf(
  context: LoadContext,
  name: string,
  words: readonly number[],
  all: readonly (readonly number[])[],
): MapSpec | undefined {
  if (!MAP_IN_MAP.has(MAP_TYPE_NAMES[words[0]] ?? '')) return undefined;
  const byId =
    words.length >= 9 && words[7] !== 0
      ? all.find((other) => other.length >= 6 && other[5] === words[7])
      : undefined;
  const byIndex =
    words.length >= 9 && words[7] !== 0 ? undefined : words.length >= 6 ? all.at(words[5]) : undefined;
  const found = byId ?? byIndex;
  return found === undefined
    ? anyInner(name)
    : { ...toSpec(context, `${name}.inner`, found), inner: undefined };
}

const anyInner = (name: string): MapSpec => ({
  name: `${name}.inner`,
  type: 'BPF_MAP_TYPE_ARRAY',
  keySizeBytes: 4,
  valueSizeBytes: 4,
  maxEntries: 1,
  flags: 0,
  keyTypeId: 0,
  valueTypeId: 0,
  initial: [],
  frozen: false,
  pinning: 'none',
  mapExtra: 0n,
});

const KEYLESS = new Set(['BPF_MAP_TYPE_QUEUE', 'BPF_MAP_TYPE_STACK', 'BPF_MAP_TYPE_BLOOM_FILTER']);
const LEFT_ALONE = new Set([
  'BPF_MAP_TYPE_SK_STORAGE',
  'BPF_MAP_TYPE_TASK_STORAGE',
  'BPF_MAP_TYPE_INODE_STORAGE',
  'BPF_MAP_TYPE_CGROUP_STORAGE',
  'BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE',
  'BPF_MAP_TYPE_CGRP_STORAGE',
  'BPF_MAP_TYPE_STRUCT_OPS',
  'BPF_MAP_TYPE_ARENA',
]);

/** Relaxed loading: what user space would set before loading is filled in, and nothing is pinned. */
export function fillIn(map: MapSpec): MapSpec {
  const unpinned: MapSpec = { ...map, pinning: 'none' };
  switch (map.type) {
    case 'BPF_MAP_TYPE_RINGBUF':
    case 'BPF_MAP_TYPE_USER_RINGBUF':
      return { ...unpinned, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: map.maxEntries || 4096 };
    case 'BPF_MAP_TYPE_PERF_EVENT_ARRAY':
      return { ...unpinned, keySizeBytes: 4, valueSizeBytes: 4 };
    default:
      if (LEFT_ALONE.has(map.type)) return unpinned;
      return {
        ...unpinned,
        maxEntries: map.maxEntries || 1,
        keySizeBytes: map.keySizeBytes === 0 && !KEYLESS.has(map.type) ? 4 : map.keySizeBytes,
        valueSizeBytes: map.valueSizeBytes || 8,
        inner: map.inner ?? (MAP_IN_MAP.has(map.type) ? anyInner(map.name) : undefined),
      };
  }
}
