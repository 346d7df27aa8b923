/**
 * The mechanics of the stack: spills, fills, partly known bytes, variable offsets, stretches that helpers read or write.
 * Offsets are relative to the frame pointer of the frame that the pointer register belongs to. Bounds of the frame
 * (512 bytes) are checked here too, with the kernel's messages.
 */
import { unknown, type VerifierEnv } from './env';
import type { MemAccess } from './seams';

/** A load through a stack pointer; sets access.valueRegno. `off` is insn offset; the register's own offsets are added here. */
export function readStack(env: VerifierEnv, _access: MemAccess): void {
  unknown(env, 'stack reads');
}

/** A store through a stack pointer. */
export function writeStack(env: VerifierEnv, _access: MemAccess): void {
  unknown(env, 'stack writes');
}

/**
 * A helper reads (`read`) or fills (`write`, contents may be uninitialised) `sizeBytes` bytes at register `regno` + `off`.
 * With `zeroAllowed` a size of 0 is fine.
 */
export function checkStackRange(
  env: VerifierEnv,
  _regno: number,
  _off: number,
  _sizeBytes: number,
  _options: { readonly zeroAllowed: boolean; readonly access: 'read' | 'write'; readonly raw: boolean },
): void {
  unknown(env, 'stack arguments');
}
