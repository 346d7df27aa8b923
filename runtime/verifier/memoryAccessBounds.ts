/**
 * Bounds: does an access of some bytes at a pointer's fixed and variable offset stay inside a region of known size?
 * The messages name the smallest and the largest offset that the pointer can have, as the kernel does.
 */
import { asS64, asU64, S64_MIN, U64_MAX } from '../util/u64';
import { hasFeature, regOf, reject, type VerifierEnv } from './env';
import { EACCES } from './outcome';
import { changed, UNKNOWN_SCALAR, S32_MAX, S32_MIN, U32_MAX, type RegState } from './regState';
import { TNUM_UNKNOWN } from './tnum';

/** Offsets from here on count as unbounded. */
export const MAX_VARIABLE_OFFSET = 1n << 29n;

const asS32 = (x: bigint): number => Number(BigInt.asIntN(32, x));

function regionMessage(
  reg: RegState,
  regno: number,
  off: number,
  sizeBytes: number,
  regionBytes: number,
): string {
  switch (reg.type) {
    case 'mapKey':
      return `invalid access to map key, key_size=${regionBytes} off=${off} size=${sizeBytes}`;
    case 'mapValue':
      return `invalid access to map value, value_size=${regionBytes} off=${off} size=${sizeBytes}`;
    case 'packet':
    case 'packetMeta':
    case 'packetEnd':
      return `invalid access to packet, off=${off} size=${sizeBytes}, R${regno}(id=${reg.id},off=${off},r=${regionBytes})`;
    case 'ctx':
      return `invalid access to context, ctx_size=${regionBytes} off=${off} size=${sizeBytes}`;
    default:
      return `invalid access to memory, mem_size=${regionBytes} off=${off} size=${sizeBytes}`;
  }
}

/** Whether `sizeBytes` bytes at `off` lie in a region; the message that the kernel would print if not. */
export function regionProblem(
  reg: RegState,
  regno: number,
  off: number,
  sizeBytes: number,
  regionBytes: number,
  zeroAllowed: boolean,
): string | undefined {
  const sizeOk = sizeBytes > 0 || (sizeBytes === 0 && zeroAllowed);
  if (off >= 0 && sizeOk && off + sizeBytes <= regionBytes) return undefined;
  return regionMessage(reg, regno, off, sizeBytes, regionBytes);
}

/** The usual access, told without big integers: a pointer that was not moved by a variable. */
const liesInside = (
  reg: RegState,
  off: number,
  sizeBytes: number,
  regionBytes: number,
  zeroAllowed: boolean,
): boolean =>
  reg.smin === 0n &&
  reg.umax === 0n &&
  reg.off >= 0 &&
  off >= 0 &&
  (sizeBytes > 0 || (sizeBytes === 0 && zeroAllowed)) &&
  off + sizeBytes <= regionBytes;

/**
 * Rejects unless every offset that register `regno` can have keeps the access inside `regionBytes` bytes.
 * `off` is the fixed part (instruction and register together), `code` what leaving the region is called.
 */
export function checkRegionAccess(
  env: VerifierEnv,
  regno: number,
  off: number,
  sizeBytes: number,
  regionBytes: number,
  zeroAllowed: boolean,
  code = 'out-of-bounds',
): void {
  const reg = regOf(env, regno);
  if (liesInside(reg, off, sizeBytes, regionBytes, zeroAllowed)) return;
  const facts = { off, sizeBytes, regionBytes, map: reg.map?.name ?? '', type: reg.type };
  const least = BigInt(off) + reg.smin;
  // kernels that fold the fixed offset into the bounds judge the sum of both
  const folded = hasFeature(env, 'pointerOffsetFolded');
  const smin = folded ? reg.smin + BigInt(reg.off) : reg.smin;
  if (smin < 0n && (reg.smin === S64_MIN || BigInt(asS32(least)) !== least || least < 0n)) {
    reject(env, {
      code: 'negative-offset',
      category: 'Memory Safety',
      errno: EACCES,
      message: `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`,
      registers: [regno],
      facts: { ...facts, smin: String(reg.smin) },
    });
  }
  const low = regionProblem(reg, regno, asS32(least), sizeBytes, regionBytes, zeroAllowed);
  if (low !== undefined) {
    env.log.message(low);
    reject(env, {
      code,
      category: 'Memory Safety',
      errno: EACCES,
      message: `R${regno} min value is outside of the allowed memory range`,
      registers: [regno],
      facts: { ...facts, detail: low, at: asS32(least) },
    });
  }
  // of a sum that is never negative the largest signed part is the largest part, however it reads without its sign
  const umax = folded && smin >= 0n && reg.umax > reg.smax ? asU64(reg.smax) : reg.umax;
  const tooFar = folded && smin >= 0n ? asS64(umax) + BigInt(reg.off) : umax;
  // a sum that may be negative is a huge one without its sign
  if (tooFar >= MAX_VARIABLE_OFFSET || (folded && smin < 0n)) {
    reject(env, {
      code: 'unbounded-offset',
      category: 'Memory Safety',
      errno: EACCES,
      message: `R${regno} unbounded memory access, make sure to bounds check any such access`,
      registers: [regno],
      facts,
    });
  }
  const most = asS32(asS64(umax) + BigInt(off));
  const high = regionProblem(reg, regno, most, sizeBytes, regionBytes, zeroAllowed);
  if (high !== undefined) {
    env.log.message(high);
    reject(env, {
      code,
      category: 'Memory Safety',
      errno: EACCES,
      message: `R${regno} max value is outside of the allowed memory range`,
      registers: [regno],
      facts: { ...facts, detail: high, at: most },
    });
  }
}

function zeroExtended(sizeBytes: number): RegState {
  if (sizeBytes === 8) return UNKNOWN_SCALAR;
  const max = (1n << BigInt(8 * sizeBytes)) - 1n;
  return changed(UNKNOWN_SCALAR, {
    bits: { value: 0n, mask: max },
    smin: 0n,
    smax: max,
    umin: 0n,
    umax: max,
    s32min: sizeBytes === 4 ? S32_MIN : 0,
    s32max: sizeBytes === 4 ? S32_MAX : Number(max),
    u32min: 0,
    u32max: Number(max),
  });
}

function signExtended(sizeBytes: number): RegState {
  if (sizeBytes === 8) return UNKNOWN_SCALAR;
  const half = 1n << BigInt(8 * sizeBytes - 1);
  return changed(UNKNOWN_SCALAR, {
    bits: TNUM_UNKNOWN,
    smin: -half,
    smax: half - 1n,
    umin: 0n,
    umax: U64_MAX,
    s32min: Number(-half),
    s32max: Number(half - 1n),
    u32min: 0,
    u32max: U32_MAX,
  });
}

const ZERO_EXTENDED: readonly RegState[] = [1, 2, 4, 8].map(zeroExtended);
const SIGN_EXTENDED: readonly RegState[] = [1, 2, 4, 8].map(signExtended);
const sizeIndex = (sizeBytes: number): number => 31 - Math.clz32(sizeBytes);

/** An unknown number loaded from memory: zero- or sign-extended from its size. */
export const loadedScalar = (sizeBytes: 1 | 2 | 4 | 8, signExtend: boolean): RegState =>
  (signExtend ? SIGN_EXTENDED : ZERO_EXTENDED)[sizeIndex(sizeBytes)];
