/** Typed values for reports and labels: BTF where the map has it, bytes where not. */
import { readValue as readBtfValue, type BtfValue } from '../btf/values';
import type { MapDefinition } from '../maps/bpfMap';
import { bytesToHex } from '../util/hexText';

/** The value as a tree, or undefined when the map has no type for it. */
export function readValue(
  definition: MapDefinition,
  part: 'key' | 'value',
  bytes: Uint8Array,
): BtfValue | undefined {
  const typeId = part === 'key' ? definition.keyTypeId : definition.valueTypeId;
  return definition.btf === undefined || typeId === 0
    ? undefined
    : readBtfValue(definition.btf, typeId, bytes);
}

export function typedText(definition: MapDefinition, part: 'key' | 'value', bytes: Uint8Array): string {
  return readValue(definition, part, bytes)?.text ?? bytesToHex(bytes);
}
