/**
 * Packet data: how many bytes behind the pointer the program has compared with the packet's end. Older kernels judge only the
 * fixed offset here; a variable offset was judged when the comparison proved the range.
 */
import { progTypeByName } from '../spec/progTypes';
import { hasFeature, regOf, reject, setReg, type VerifierEnv } from './env';
import { checkRegionAccess, loadedScalar, regionProblem } from './memoryAccessBounds';
import { EACCES, EINVAL } from './outcome';
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
  // Kernels that fold the fixed offset into the bounds compared the sum of both with the packet's end.
  const folded = hasFeature(env, 'pointerOffsetFolded');
  if (folded && reg.range >= 0) {
    checkRegionAccess(env, regno, off, sizeBytes, reg.range, zeroAllowed, 'packet-out-of-bounds');
    return;
  }
  if (reg.smin < 0n && (!folded || reg.smin + BigInt(reg.off) < 0n)) {
    reject(env, {
      code: 'negative-offset',
      category: 'Memory Safety',
      errno: EACCES,
      message: `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`,
      registers: [regno],
      facts: { type: reg.type, smin: String(reg.smin) },
    });
  }
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
