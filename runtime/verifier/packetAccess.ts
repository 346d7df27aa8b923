/**
 * Packet data: how many bytes behind the pointer the program has compared with the packet's end. Only the fixed
 * offset is judged here; a variable offset was judged when the comparison proved the range.
 */
import { progTypeByName } from '../spec/progTypes';
import { hasFeature, regOf, reject, setReg, type VerifierEnv } from './env';
import { loadedScalar, regionProblem } from './memoryAccessBounds';
import { EACCES, EINVAL } from './outcome';
import { S64_MIN } from '../util/u64';
import type { RegState } from './regState';
import type { MemAccess } from './seams';

/** Whether programs of this type may read / write the packet through pointers. */
export function packetRights(env: VerifierEnv): 'none' | 'read' | 'write' {
  return progTypeByName(env.program.type)?.packet ?? 'none';
}

export function checkPacketRange(
  env: VerifierEnv,
  regno: number,
  off: number,
  sizeBytes: number,
  zeroAllowed: boolean,
): void {
  const reg = regOf(env, regno);
  const text = hasFeature(env, 'packetRegionText');
  const folded = text ? reg.smin + BigInt(reg.off) : reg.smin;
  const judgedAsSum = text && reg.range >= 0;
  const least = reg.smin + BigInt(off);
  if (folded < 0n && (judgedAsSum ? reg.smin === S64_MIN || least < 0n : reg.smin < 0n)) {
    reject(env, {
      code: 'negative-offset',
      category: 'Memory Safety',
      errno: EACCES,
      message: `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`,
      registers: [regno],
      facts: { type: reg.type, smin: String(reg.smin) },
    });
  }
  if (judgedAsSum) return checkAsRegion(env, regno, off, sizeBytes, zeroAllowed);
  const problem = reg.range < 0 ? '' : regionProblem(reg, regno, off, sizeBytes, reg.range, zeroAllowed);
  if (problem === undefined) return;
  if (problem !== '') env.log.message(problem);
  reject(env, {
    code: 'packet-out-of-bounds',
    category: 'Memory Safety',
    errno: reg.range < 0 ? EINVAL : EACCES,
    message: `R${regno} offset is outside of the packet`,
    registers: [regno],
    facts: { off, sizeBytes, range: reg.range, detail: problem },
  });
}

/**
 * Kernels that fold the variable offset into the proven range: the same judgement, worded by smallest and largest offset.
 */
function checkAsRegion(
  env: VerifierEnv,
  regno: number,
  off: number,
  sizeBytes: number,
  zeroAllowed: boolean,
): void {
  const reg = regOf(env, regno);
  // a sum that may be negative is a huge number without its sign, whatever the instruction adds to it
  const fits =
    regionProblem(reg, regno, off + Number(reg.smin), sizeBytes, reg.range, zeroAllowed) === undefined;
  if (fits && reg.smin + BigInt(reg.off) < 0n) {
    reject(env, {
      code: 'unbounded-offset',
      category: 'Memory Safety',
      errno: EACCES,
      message: `R${regno} unbounded memory access, make sure to bounds check any such access`,
      registers: [regno],
      facts: { off, sizeBytes, range: reg.range },
    });
  }
  if (regionProblem(reg, regno, off, sizeBytes, reg.range, zeroAllowed) === undefined) return;
  const range = reg.range === 0 ? 0 : reg.range + Number(reg.umax);
  const least = off + Number(reg.smin);
  const most = off + Number(reg.umax);
  const low = regionProblem(reg, regno, least, sizeBytes, range, zeroAllowed);
  const detail = low ?? regionProblem(reg, regno, most, sizeBytes, range, zeroAllowed) ?? '';
  if (detail !== '') env.log.message(detail);
  reject(env, {
    code: 'packet-out-of-bounds',
    category: 'Memory Safety',
    errno: EACCES,
    message: `R${regno} ${low !== undefined ? 'min' : 'max'} value is outside of the allowed memory range`,
    registers: [regno],
    facts: { off, sizeBytes, range: reg.range, detail },
  });
}

export function checkPacketLoadStore(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  if (access.kind === 'write') {
    if (packetRights(env) !== 'write') {
      reject(env, {
        code: 'packet-read-only',
        category: 'Policy',
        errno: EACCES,
        message: 'cannot write into packet',
        registers: [access.regno],
        facts: { programType: env.program.type },
      });
    }
    env.seenDirectWrite = true;
  }
  checkPacketRange(env, access.regno, access.off + reg.off, access.sizeBytes, false);
  if (access.kind === 'read' && access.valueRegno >= 0) {
    setReg(env, access.valueRegno, loadedScalar(access.sizeBytes, access.signExtend));
  }
}
