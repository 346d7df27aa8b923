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
  return readValue(definition, part, bytes)?.text ?? String(untyped(definition, part, bytes));
}

/** What is shown without a type: an array's index as a number, else the bytes in hexadecimal. */
export function untyped(
  definition: MapDefinition,
  part: 'key' | 'value',
  bytes: Uint8Array,
): string | number {
  const isIndex = part === 'key' && bytes.length === 4 && definition.type.includes('ARRAY');
  return isIndex ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) : bytesToHex(bytes);
}
