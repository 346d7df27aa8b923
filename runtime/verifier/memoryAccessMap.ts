/**
 * Map values: permissions of the map, bounds, special fields that no load or store may touch, constants that are
 * tracked through read-only maps.
 */
import type { SpecialField, SpecialFieldKind } from '../btf/specialFields';
import type { MapSpec } from '../loader/objectSpec';
import { assert } from '../util/assert';
import { hasFeature, regOf, reject, setReg, unknown, type VerifierEnv } from './env';
import { checkKptrAccess } from './kptrFields';
import { ENTRY_BYTES, isInsnArray, loadedEntry } from './jumpTables';
import { mapInfo } from './mapRules';
import { checkRegionAccess, loadedScalar } from './memoryAccessBounds';
import { EACCES } from './outcome';
import { knownScalar, type RegState } from './regState';
import type { MemAccess } from './seams';

/** Names of special fields in the kernel's messages. */
const FIELD_WORDS: Readonly<Record<SpecialFieldKind, string>> = {
  timer: 'bpf_timer',
  spinLock: 'bpf_spin_lock',
  resSpinLock: 'bpf_res_spin_lock',
  workqueue: 'bpf_wq',
  taskWork: 'bpf_task_work',
  kptr: 'kptr',
  listHead: 'bpf_list_head',
  listNode: 'bpf_list_node',
  rbRoot: 'bpf_rb_root',
  rbNode: 'bpf_rb_node',
  refcount: 'bpf_refcount',
};

export function checkMapPermission(
  env: VerifierEnv,
  map: MapSpec,
  regno: number,
  off: number,
  sizeBytes: number,
  kind: 'read' | 'write',
): void {
  const info = mapInfo(env, map);
  if (kind === 'write' ? info.progWritable : info.progReadable) return;
  // kernels that keep the offset with the bounds name the lowest place
  const at = hasFeature(env, 'pointerOffsetFolded') ? BigInt(off) + regOf(env, regno).smin : BigInt(off);
  reject(env, {
    code: kind === 'write' ? 'write-to-read-only' : 'read-from-write-only',
    category: 'Memory Safety',
    errno: EACCES,
    message: `${kind === 'write' ? 'write into' : 'read from'} map forbidden, value_size=${map.valueSizeBytes} off=${at} size=${sizeBytes}`,
    registers: [regno],
    facts: { map: map.name, off: Number(at), sizeBytes },
  });
}

/** Of an array of instructions programs see the addresses, all in a row. */
const addressableBytes = (map: MapSpec): number =>
  isInsnArray(map) ? map.maxEntries * ENTRY_BYTES : map.valueSizeBytes;

/** An access that touches several fields is refused for the first: by place, on older kernels by kind. */
function inOrderOfChecks(env: VerifierEnv, fields: readonly SpecialField[]): readonly SpecialField[] {
  if (env.features.timerFieldRecord || fields.length < 2) return fields;
  const rank = ({ kind }: SpecialField): number => (kind === 'spinLock' ? 0 : kind === 'timer' ? 1 : 2);
  return [...fields].sort((a, b) => rank(a) - rank(b));
}

/**
 * Bounds and special fields for `sizeBytes` bytes at fixed offset `off` of the map value in register `regno`.
 * `direct` is a load or store of the program, otherwise a helper accesses.
 */
export function checkMapRange(
  env: VerifierEnv,
  regno: number,
  off: number,
  sizeBytes: number,
  zeroAllowed: boolean,
  direct: boolean,
): void {
  const reg = regOf(env, regno);
  const map = reg.map;
  assert(map !== null, 'a map value has a map');
  checkRegionAccess(env, regno, off, sizeBytes, addressableBytes(map), zeroAllowed);
  const fields = inOrderOfChecks(env, mapInfo(env, map).fields.fields);
  if (fields.length === 0) return;
  const least = reg.smin + BigInt(off);
  const end = reg.umax + BigInt(off + sizeBytes);
  for (const field of fields) {
    if (!(least < BigInt(field.offset + field.sizeBytes) && BigInt(field.offset) < end)) continue;
    if (field.kind === 'kptr') {
      // the program's own loads and stores have rules of their own
      if (direct) continue;
      reject(env, {
        code: 'kptr-access',
        category: 'Memory Safety',
        errno: EACCES,
        message: 'kptr cannot be accessed indirectly by helper',
        registers: [regno],
        facts: { map: map.name, field: field.name },
      });
    }
    reject(env, {
      code: `${field.kind === 'spinLock' ? 'lock' : field.kind === 'timer' ? 'timer' : 'special-field'}-direct-access`,
      category: 'Memory Safety',
      errno: EACCES,
      message: `${FIELD_WORDS[field.kind]} cannot be accessed directly by load/store`,
      registers: [regno],
      facts: {
        map: map.name,
        field: field.name,
        fieldKind: FIELD_WORDS[field.kind],
        fieldOffset: field.offset,
        fieldSize: field.sizeBytes,
        off,
        sizeBytes,
        direct: direct ? 1 : 0,
      },
    });
  }
}

/** The bytes of a constant map as the program will read them, or undefined if they are not known here. */
export function constantAt(
  env: VerifierEnv,
  map: MapSpec,
  off: number,
  sizeBytes: number,
  signExtend: boolean,
): bigint | undefined {
  const { data } = map;
  if (data === undefined) return undefined;
  let value = 0n;
  for (let i = 0; i < sizeBytes; i++) {
    const at = env.object.littleEndian ? i : sizeBytes - 1 - i;
    value |= BigInt(data[off + at] ?? 0) << BigInt(8 * i);
  }
  return signExtend ? BigInt.asIntN(8 * sizeBytes, value) : value;
}

/** The kernel pointer in the value that an access may touch. */
function touchedKptr(
  env: VerifierEnv,
  map: MapSpec,
  reg: RegState,
  off: number,
  sizeBytes: number,
): SpecialField | undefined {
  const { fields } = mapInfo(env, map).fields;
  if (fields.length === 0) return undefined;
  const least = reg.smin + BigInt(off);
  const end = reg.umax + BigInt(off + sizeBytes);
  return fields.find(
    (field) =>
      field.kind === 'kptr' && least < BigInt(field.offset + field.sizeBytes) && BigInt(field.offset) < end,
  );
}

const refuseEntryPart = (env: VerifierEnv, { sizeBytes, regno }: MemAccess): never =>
  reject(env, {
    code: 'jump-table',
    category: 'Program Structure',
    errno: EACCES,
    message: `Invalid read of ${sizeBytes} bytes from insn_array`,
    registers: [regno],
  });

export function checkMapValueAccess(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  const map = reg.map;
  assert(map !== null, 'a map value has a map');
  const off = access.off + reg.off;
  checkMapPermission(env, map, access.regno, off, access.sizeBytes, access.kind);
  checkMapRange(env, access.regno, off, access.sizeBytes, false, true);
  const kptr = touchedKptr(env, map, reg, off, access.sizeBytes);
  if (kptr !== undefined) {
    const at = reg.bits.mask === 0n ? BigInt(off) + BigInt.asIntN(64, reg.bits.value) : undefined;
    return checkKptrAccess(env, access, at, kptr);
  }
  if (access.kind === 'write' || access.valueRegno < 0) return;
  if (isInsnArray(map)) {
    if (access.sizeBytes !== ENTRY_BYTES) refuseEntryPart(env, access);
    setReg(env, access.valueRegno, loadedEntry(reg, access.off));
    return;
  }
  if (reg.bits.mask === 0n && mapInfo(env, map).constant) {
    const value = constantAt(
      env,
      map,
      off + Number(BigInt.asIntN(64, reg.bits.value)),
      access.sizeBytes,
      access.signExtend,
    );
    if (value === undefined) return unknown(env, `contents of read-only map '${map.name}'`);
    setReg(env, access.valueRegno, knownScalar(value));
    return;
  }
  setReg(env, access.valueRegno, loadedScalar(access.sizeBytes, access.signExtend));
}
