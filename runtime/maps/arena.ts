/**
 * BPF_MAP_TYPE_ARENA: pages that a program and user space share, allocated and freed by the program. Addresses are those of
 * user space; programs follow the lower halves alone, so that an address with a zero lower half is NULL to them. Pages that
 * nobody allocated read as zeros, and what is written there is lost.
 *
 * Pages have bytes here from the first access that writes to them. Evidence: 6.12 and 7.2.
 */
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import type { ArenaData } from './mapData';
import { refused, type MapEnv, type MapFamily, type MapRecord } from './mapFamily';

type Arena = MapRecord<ArenaData>;

/** Programs and user space do not share pointers. */
export const BPF_F_NO_USER_CONV = 1 << 18;

const PAGE_SHIFT = 12;
const PAGE_BYTES = 1 << PAGE_SHIFT;
const LOW_MASK = 0xffff_ffffn;
/** Where a map lies that does not say where it wants to be; one of the full size begins at a multiple of its size. */
const USUAL_START = 0x7f10_4000_0000n;
const USUAL_PAGES_MAX = (0x1_0000_0000 - 0x4000_0000) / PAGE_BYTES;

export const isArena = (map: MapRecord): map is Arena => map.data.kind === 'arena';

/** Upper half of the addresses of an arena. */
export const arenaTag = ({ data }: Arena): number => Number(BigInt.asIntN(32, data.userStart >> 32n));

/** Page at an address of which the lower half counts; beyond the map if it lies outside. */
const pageOf = ({ data }: Arena, address: bigint): number =>
  Number((address - data.userStart) & LOW_MASK) >>> PAGE_SHIFT;

const addressOf = ({ data }: Arena, page: number): bigint =>
  (data.userStart & ~LOW_MASK) + ((data.userStart + BigInt(page * PAGE_BYTES)) & LOW_MASK);

/** Takes free pages away. False: not all of them are free. */
function take({ data }: Arena, start: number, count: number): boolean {
  const at = data.free.findIndex((r) => r.start <= start && start + count <= r.start + r.count);
  if (at < 0) return false;
  const [range] = data.free.splice(at, 1);
  const after = range.start + range.count - (start + count);
  if (start > range.start) data.free.push({ start: range.start, count: start - range.start });
  if (after > 0) data.free.push({ start: start + count, count: after });
  return true;
}

/** Gives pages back, with those beside them as one range. */
function give({ data }: Arena, start: number, count: number): void {
  let [first, end] = [start, start + count];
  for (let i = data.free.length - 1; i >= 0; i--) {
    const range = data.free[i];
    if (range.start > end || range.start + range.count < first) continue;
    first = Math.min(first, range.start);
    end = Math.max(end, range.start + range.count);
    data.free.splice(i, 1);
  }
  data.free.push({ start: first, count: end - first });
}

/** First page of free ones in a row, -1 if there are not so many: the lowest, or those of the smallest range that is large enough. */
function findFree(env: MapEnv, { data }: Arena, count: number): number {
  const smallest = has(env.profile, 'arenaSmallestRange');
  let best: { start: number; count: number } | undefined;
  for (const range of data.free) {
    if (range.count < count) continue;
    const isBetter = best === undefined || (smallest ? range.count <= best.count : range.start < best.start);
    if (isBetter) best = range;
  }
  return best?.start ?? -1;
}

/** Address of fresh pages, at `address` if that is not zero; 0: there are none. */
export function allocatePages(env: MapEnv, map: Arena, address: bigint, count: number): bigint {
  const { maxEntries } = map.definition;
  if (count === 0 || count > maxEntries) return 0n;
  let start: number;
  if (address !== 0n) {
    if ((address & BigInt(PAGE_BYTES - 1)) !== 0n) return 0n;
    start = pageOf(map, address);
    if (start > maxEntries - count) return 0n;
  } else start = findFree(env, map, count);
  return start >= 0 && take(map, start, count) ? addressOf(map, start) : 0n;
}

/** Takes pages out of what may be allocated, without memory behind them; 0 or a negative errno. */
export function reservePages(map: Arena, address: bigint, count: number): number {
  if (count === 0) return 0;
  const start = pageOf(map, address);
  if (start + count > map.definition.maxEntries) return -ERRNO.EINVAL;
  return take(map, start, count) ? 0 : -ERRNO.EBUSY;
}

export function freePages(env: MapEnv, map: Arena, address: bigint, count: number): void {
  const start = pageOf(map, address);
  const end = Math.min(map.definition.maxEntries, start + count);
  if (start >= end) return;
  give(map, start, end - start);
  for (const [page, at] of map.data.pages) {
    if (page < start || page >= end) continue;
    env.memory.endRegion(at);
    env.memory.release(at, PAGE_BYTES);
    map.data.pages.delete(page);
  }
}

const isFree = ({ data }: Arena, page: number): boolean =>
  data.free.some((r) => page >= r.start && page < r.start + r.count);

/** `arenaBytes` has no memory for the page yet. */
export const NO_MEMORY_YET = -1;

/**
 * Linear offset of bytes of an arena; of zeros that nobody keeps where there is no page. @param low lower half of the address
 * and the offset of the access. Allocates nothing, since engines hold views of memory: see `backPage`.
 */
export function arenaBytes(env: MapEnv, map: Arena, low: number, sizeBytes: number, write: boolean): number {
  const { data, definition } = map;
  const at = low - Number(data.userStart & LOW_MASK);
  const page = Math.floor(at / PAGE_BYTES);
  const inside = at - page * PAGE_BYTES;
  if (page >= 0 && page < definition.maxEntries && inside + sizeBytes <= PAGE_BYTES) {
    const known = data.pages.get(page);
    if (known !== undefined) return known + inside;
    if (write && !isFree(map, page)) return NO_MEMORY_YET;
  }
  env.memory.fill(data.absent, 8, 0);
  return data.absent;
}

/** Gives the page that holds an address its memory. */
export function backPage(env: MapEnv, map: Arena, low: number): void {
  const page = Math.floor((low - Number(map.data.userStart & LOW_MASK)) / PAGE_BYTES);
  const at = env.memory.allocate(PAGE_BYTES);
  env.memory.addRegion('mapValue', at, PAGE_BYTES, `page ${page} of ${map.definition.name}`);
  map.data.pages.set(page, at);
}

/** First page of the variables that a loader puts into the map. */
const firstPageOfVariables = (env: MapEnv, map: Arena, sizeBytes: number): number =>
  has(env.profile, 'arenaVariablesLast') ? map.definition.maxEntries - Math.ceil(sizeBytes / PAGE_BYTES) : 0;

/** Address of a byte of the variables. @param sizeBytes of all of them. */
export const variableAddress = (env: MapEnv, map: Arena, offset: number, sizeBytes: number): bigint =>
  map.data.userStart + BigInt(firstPageOfVariables(env, map, sizeBytes) * PAGE_BYTES + offset);

/** Puts the variables there: user space touches their pages before any program runs. */
export function fillVariables(env: MapEnv, map: Arena, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
    const address = variableAddress(env, map, at, bytes.length);
    const low = Number(address & LOW_MASK);
    take(map, pageOf(map, address), 1);
    backPage(env, map, low);
    env.memory.write(arenaBytes(env, map, low, 1, true), bytes.subarray(at, at + PAGE_BYTES));
  }
}

export const arenaFamily: MapFamily<ArenaData> = {
  types: ['BPF_MAP_TYPE_ARENA'],

  create(env, { name, maxEntries, mapExtra }): ArenaData {
    const absent = env.memory.allocate(8);
    env.memory.addRegion('mapPool', absent, 8, `pages of ${name} that nobody allocated`);
    const start = maxEntries <= USUAL_PAGES_MAX ? USUAL_START : USUAL_START & ~LOW_MASK;
    return {
      kind: 'arena',
      userStart: mapExtra === 0n ? start : mapExtra,
      free: [{ start: 0, count: maxEntries }],
      pages: new Map(),
      absent,
    };
  },

  lookup: () => 0,
  update: () => refused('EOPNOTSUPP', ERRNO),
  delete: () => refused('EOPNOTSUPP', ERRNO),
  nextKey: () => -ERRNO.EOPNOTSUPP,
  recycle: () => undefined,
  slots: () => [],
  keyOffset: () => 0,
  entryCount: (_env, map) => map.data.pages.size,
  entries: (env, map, start, count) =>
    [...map.data.pages]
      .sort(([a], [b]) => a - b)
      .slice(start, start + count)
      .map(([, valueRef]) => ({ values: [env.memory.read(valueRef, PAGE_BYTES)], valueRef })),
  keysHidden: true,
};
