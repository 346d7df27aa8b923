/** Bit patterns in messages: newer kernels print a fully known pattern as a number. */
import { hasFeature, type VerifierEnv } from './env';
import { tnumText, type Tnum } from './tnum';

/** Numbers from here on are printed in hexadecimal. */
const DECIMAL_MAX = 0xffffn;

export function bitsText(env: VerifierEnv, bits: Tnum): string {
  if (bits.mask !== 0n || !hasFeature(env, 'tnumConstText')) return tnumText(bits);
  const signed = BigInt.asIntN(64, bits.value);
  if (hasFeature(env, 'pointerOffsetFolded') && signed < 0n && signed >= -DECIMAL_MAX) return String(signed);
  return bits.value <= DECIMAL_MAX ? String(bits.value) : `0x${bits.value.toString(16)}`;
}
