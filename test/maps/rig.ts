/** A map environment without a kernel: memory, a settable CPU, maps by id. */
import * as assert from 'node:assert/strict';
import { NO_SPECIAL_FIELDS, type SpecialFields } from '../../runtime/btf/specialFields';
import type { MapDefinition, MapOutcome } from '../../runtime/maps/bpfMap';
import type { MapEnv, MapRecord } from '../../runtime/maps/mapFamily';
import { createMap, familyOf, userDelete, userNextKey, userRead, userWrite } from '../../runtime/maps/maps';
import { errnoName } from '../../runtime/spec/errno';
import { findProfile } from '../../runtime/spec/profile';
import { Memory } from '../../runtime/vm/memory';

export class Rig implements MapEnv {
  readonly memory = new Memory(1 << 26);
  readonly maps = new Map<number, MapRecord>();
  cpu = 0;
  readonly profile;
  private readonly scratch = this.memory.allocate(4096);

  constructor(
    readonly cpuCount = 1,
    kernel = '6.12',
  ) {
    const profile = findProfile(kernel);
    assert.ok(profile);
    this.profile = profile;
  }

  currentCpu(): number {
    return this.cpu;
  }

  findMap(id: number): MapRecord | undefined {
    return this.maps.get(id);
  }

  /** A definition with a 4-byte key and an 8-byte value unless told otherwise. */
  define(type: string, rest: Partial<MapDefinition> = {}): MapDefinition {
    return {
      id: this.maps.size + 1,
      name: `m${this.maps.size + 1}`,
      type: `BPF_MAP_TYPE_${type}`,
      keySizeBytes: 4,
      valueSizeBytes: 8,
      maxEntries: 4,
      flags: 0,
      mapExtra: 0n,
      keyTypeId: 0,
      valueTypeId: 0,
      fields: NO_SPECIAL_FIELDS,
      ...rest,
    };
  }

  create(type: string, rest: Partial<MapDefinition> = {}): MapRecord {
    const map = createMap(this, this.define(type, rest));
    assert.ok(typeof map === 'object', `map refused: ${typeof map === 'number' ? map : 'no family'}`);
    this.maps.set(map.definition.id, map);
    return map;
  }

  /** Name of the errno that creation is refused with. */
  refusal(type: string, rest: Partial<MapDefinition> = {}): string | undefined {
    const map = createMap(this, this.define(type, rest));
    return typeof map === 'number' ? errnoName(map) : undefined;
  }

  private key(map: MapRecord, key: number): number {
    this.memory.fill(this.scratch, map.definition.keySizeBytes, 0);
    this.memory.store32(this.scratch, key);
    return this.scratch;
  }

  /** A program's lookup. */
  lookup(map: MapRecord, key: number): number {
    return familyOf(map).lookup(this, map, this.key(map, key));
  }

  /** A program's update, with the freed slots recycled as the kernel floor does. */
  update(map: MapRecord, key: number, value: number | bigint, flags = 0n): MapOutcome {
    const at = this.scratch + 1024;
    this.memory.fill(at, 64, 0);
    this.memory.store64(at, BigInt(value));
    return this.settle(map, familyOf(map).update(this, map, this.key(map, key), at, flags));
  }

  delete(map: MapRecord, key: number): MapOutcome {
    return this.settle(map, familyOf(map).delete(this, map, this.key(map, key)));
  }

  settle(map: MapRecord, outcome: MapOutcome): MapOutcome {
    for (const slot of outcome.recycle) familyOf(map).recycle(this, map, slot);
    return outcome;
  }

  keys(map: MapRecord): number[] {
    return familyOf(map)
      .entries(this, map, 0, 1e9)
      .map((entry) => numberOf(entry.key ?? new Uint8Array()))
      .sort((a, b) => a - b);
  }

  userRead(map: MapRecord, key: number): number[] | undefined {
    return userRead(this, map, bytesOf(key, map.definition.keySizeBytes))?.map(numberOf);
  }

  userWrite(map: MapRecord, key: number, values: readonly number[], flags = 0n): MapOutcome {
    const bytes = values.map((value) => bytesOf(value, map.definition.valueSizeBytes));
    return this.settle(map, userWrite(this, map, bytesOf(key, map.definition.keySizeBytes), bytes, flags));
  }

  userDelete(map: MapRecord, key: number): MapOutcome {
    return this.settle(map, userDelete(this, map, bytesOf(key, map.definition.keySizeBytes)));
  }

  /** Keys in the order in which user space walks them. */
  walk(map: MapRecord): number[] {
    const found: number[] = [];
    for (let key = userNextKey(this, map, undefined); key !== undefined; key = userNextKey(this, map, key))
      found.push(numberOf(key));
    return found;
  }
}

export function bytesOf(value: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let i = 0; i < Math.min(4, sizeBytes); i++) bytes[i] = value >>> (8 * i);
  return bytes;
}

export const numberOf = (bytes: Uint8Array): number =>
  bytes.slice(0, 4).reduce((sum, byte, i) => sum + byte * 2 ** (8 * i), 0);

export const errorOf = (outcome: MapOutcome): string | undefined => errnoName(outcome.error);

export const timerAt = (offset: number): SpecialFields => ({
  fields: [{ kind: 'timer', offset, sizeBytes: 16, name: 't' }],
});
export const spinLockAt = (offset: number): SpecialFields => ({
  fields: [{ kind: 'spinLock', offset, sizeBytes: 4, name: 'lock' }],
});
