/**
 * Map entries as typed trees with change marks. A key is written as C would index the map (`[3]`) where it is a number,
 * else as its members; a value's parts that differ from the last stop are marked, down to the member.
 */
import { resolvedType, sizeOfType } from '../btf/query';
import type { Btf } from '../btf/types';
import { bytesToHex } from '../util/hexText';
import type { Debugger } from './debugger';
import { sameBytes } from './mapTracker';
import type { TargetMap, TargetMapEntry } from './target';
import { typeText } from './typeText';
import { childrenOf, formatValue, type Value } from './values';

const EMPTY: Btf = { types: [{ kind: 'void', name: '' }] };
const DEPTH_MAX = 6;
const CHILDREN_MAX = 256;

/** A value of a map entry: in memory where it lives there, so that it can be addressed and watched. */
export function entryValue(debug: Debugger, map: TargetMap, value: TargetMapEntry['values'][number]): Value {
  const types = debug.target.object.btf ?? EMPTY;
  return {
    types,
    type: map.valueTypeId,
    storage:
      value.address !== undefined
        ? { kind: 'memory', address: value.address }
        : { kind: 'bytes', bytes: value.bytes, offset: 0 },
  };
}

/** `[3]`, `[{src = 1, dst = 2}]`, `[0a0b…]`; entries without keys are counted. */
export function entryName(
  debug: Debugger,
  map: TargetMap,
  key: Uint8Array | undefined,
  index: number,
): string {
  if (!key) return `#${index}`;
  const types = debug.target.object.btf;
  if (!types || map.keyTypeId === 0 || sizeOfType(types, map.keyTypeId) !== key.length) {
    return key.length === 4
      ? `[${new DataView(key.slice().buffer).getUint32(0, true)}]`
      : `[${bytesToHex(key)}]`;
  }
  const value: Value = { types, type: map.keyTypeId, storage: { kind: 'bytes', bytes: key, offset: 0 } };
  return `[${formatValue(debug.target, value)}]`;
}

/** A typed value with its parts; plain data for views of any kind. */
export interface MapValueNode {
  readonly name: string;
  readonly value: string;
  readonly type: string;
  readonly changed: boolean;
  readonly children: readonly MapValueNode[];
}

export const keyTypeText = (debug: Debugger, map: TargetMap): string =>
  typeTextOrSize(debug, map.keyTypeId, map.keySizeBytes);
export const valueTypeText = (debug: Debugger, map: TargetMap): string =>
  typeTextOrSize(debug, map.valueTypeId, map.valueSizeBytes);

const typeTextOrSize = (debug: Debugger, id: number, sizeBytes: number): string =>
  debug.target.object.btf && id !== 0 ? typeText(debug.target.object.btf, id) : `${sizeBytes} bytes`;

export function entryTree(
  debug: Debugger,
  map: TargetMap,
  entry: TargetMapEntry,
  index: number,
): MapValueNode {
  const name = entryName(debug, map, entry.key, index);
  const single = entry.values.length === 1;
  const values = entry.values.map((value, cpu) => {
    const before = debug.mapTracker.before(map.id, entry.key, cpu);
    const label = single ? name : `cpu${cpu}`;
    const inner = innerMapName(debug, map, value.bytes);
    if (inner !== undefined)
      return {
        name: label,
        value: inner,
        type: 'inner map',
        changed: before === 'new' || (before !== undefined && !sameBytes(before, value.bytes)),
        children: [],
      };
    if (map.valueTypeId === 0 || !debug.target.object.btf)
      return {
        name: label,
        value: bytesToHex(value.bytes),
        type: `${value.bytes.length} bytes`,
        changed: before === 'new' || (before !== undefined && bytesToHex(before) !== bytesToHex(value.bytes)),
        children: [],
      };
    const now = entryValue(debug, map, value);
    const old: Value | undefined =
      before instanceof Uint8Array
        ? { ...now, storage: { kind: 'bytes', bytes: before, offset: 0 } }
        : undefined;
    return tree(debug, label, now, old, before === 'new', 0);
  });
  if (single) return values[0];
  return {
    name,
    value: entry.values.length === 0 ? '' : `one value per CPU (${entry.values.length})`,
    type: valueTypeText(debug, map),
    changed: values.some((v) => v.changed),
    children: values,
  };
}

/** User space reads a map of maps as ids; people know maps by name. */
function innerMapName(debug: Debugger, map: TargetMap, bytes: Uint8Array): string | undefined {
  if (!map.type.endsWith('_OF_MAPS') || bytes.length !== 4) return undefined;
  const id = new DataView(bytes.slice().buffer).getUint32(0, true);
  if (id === 0) return '(none)';
  return debug.target.maps().find((m) => m.id === id)?.name ?? `map ${id}`;
}

function tree(
  debug: Debugger,
  name: string,
  now: Value,
  old: Value | undefined,
  isNew: boolean,
  depth: number,
): MapValueNode {
  const { target } = debug;
  const resolved = resolvedType(now.types, now.type);
  const { kind } = resolved;
  const type = typeText(now.types, now.type);
  const value = formatValue(target, now);
  // Lookups never show a timer's bytes, so there is nothing to compare; its text speaks for itself.
  if (kind === 'struct' && resolved.name === 'bpf_timer')
    return { name, value, type, changed: isNew, children: [] };
  const nested =
    (kind === 'struct' || kind === 'union' || kind === 'array' || kind === 'datasec') && depth < DEPTH_MAX;
  const parts = nested ? childrenOf(target, now, 0, CHILDREN_MAX) : [];
  const oldParts = nested && old ? childrenOf(target, old, 0, CHILDREN_MAX) : undefined;
  const children = value.startsWith('"')
    ? []
    : parts.map((p, i) => tree(debug, p.name, p.value, oldParts?.[i].value, isNew, depth + 1));
  const changed =
    isNew ||
    children.some((c) => c.changed) ||
    (old !== undefined && children.length === 0 && formatValue(target, old) !== value);
  return { name, value, type, changed, children };
}
