/**
 * Tracked connections: there are none, so that a well-formed question finds nothing; and ciphers, of which no kernel of a test
 * bench has loaded any.
 */
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import { memoryArg, u32Arg, value, type HelperCall, type HelperHandler, type HelperResult } from './protocol';

/** `struct bpf_ct_opts`, before and after it knew zones. */
const OPTIONS_BYTES = 12;
const OPTIONS_WITH_ZONE_BYTES = 16;
const ERROR = 4;
const PROTOCOL = 8;
const ZONE = 10;
const RESERVED = 13;
const CURRENT_NAMESPACE = -1;
const PROTOCOLS = [6, 17];
/** Addresses and ports of `struct bpf_sock_tuple`. */
const TUPLE_BYTES = [12, 36];

function lookupErrno(call: HelperCall, at: number, sizeBytes: number): number {
  const { memory, profile } = call.kernel;
  const hasZone = sizeBytes === OPTIONS_WITH_ZONE_BYTES && has(profile, 'connectionZones');
  if (call.args[1] === 0n || (sizeBytes !== OPTIONS_BYTES && !hasZone)) return ERRNO.EINVAL;
  const spare = hasZone ? [RESERVED, RESERVED + 1, RESERVED + 2] : [ZONE, ZONE + 1];
  if (spare.some((offset) => memory.load8(at + offset) !== 0)) return ERRNO.EINVAL;
  if (!PROTOCOLS.includes(memory.load8(at + PROTOCOL))) return ERRNO.EPROTO;
  const namespace = memory.load32(at) | 0;
  if (namespace < CURRENT_NAMESPACE) return ERRNO.EINVAL;
  if (!TUPLE_BYTES.includes(u32Arg(call, 2))) return ERRNO.EAFNOSUPPORT;
  return namespace >= 0 ? ERRNO.ENONET : ERRNO.ENOENT;
}

function lookup(call: HelperCall): HelperResult {
  const sizeBytes = u32Arg(call, 4);
  const at = memoryArg(call, 3, sizeBytes, true);
  if (sizeBytes >= ERROR + 4) call.kernel.memory.store32(at + ERROR, -lookupErrno(call, at, sizeBytes));
  return value(0);
}

/** `struct bpf_crypto_params`: names of type and algorithm, key; where its reserved bytes begin. */
const CIPHER_BYTES = 408;
const CIPHER_RESERVED = 14;

function createCipher(call: HelperCall): HelperResult {
  const { memory } = call.kernel;
  const sizeBytes = u32Arg(call, 1);
  const wrong =
    call.args[0] === 0n ||
    sizeBytes !== CIPHER_BYTES ||
    (memory.load16(memoryArg(call, 0, sizeBytes) + CIPHER_RESERVED) & 0xffff) !== 0;
  memory.store32(memoryArg(call, 2, 4, true), -(wrong ? ERRNO.EINVAL : ERRNO.ENOENT));
  return value(0);
}

export const connectionKfuncs = {
  bpf_xdp_ct_lookup: lookup,
  bpf_skb_ct_lookup: lookup,
  bpf_ct_release: () => value(0),
  bpf_crypto_ctx_create: createCipher,
  bpf_crypto_ctx_acquire: (call) => value(call.args[0]),
  bpf_crypto_ctx_release: () => value(0),
} satisfies Record<string, HelperHandler>;
