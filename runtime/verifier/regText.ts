/** Register types in the kernel's words, as messages and logs spell them. */
import {
  MAYBE_NULL,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  MEM_USER,
  NON_OWN_REF,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  type RegState,
  type RegType,
} from './regState';

const WORDS: Readonly<Record<RegType, string>> = {
  notInit: '?',
  scalar: 'scalar',
  ctx: 'ctx',
  mapPtr: 'map_ptr',
  mapValue: 'map_value',
  mapKey: 'map_key',
  stack: 'fp',
  packetMeta: 'pkt_meta',
  packet: 'pkt',
  packetEnd: 'pkt_end',
  flowKeys: 'flow_keys',
  socket: 'sock',
  sockCommon: 'sock_common',
  tcpSock: 'tcp_sock',
  tpBuffer: 'tp_buffer',
  xdpSock: 'xdp_sock',
  btfId: 'ptr_',
  mem: 'mem',
  buf: 'buf',
  func: 'func',
  dynptrPtr: 'dynptr_ptr',
  arena: 'arena',
  insn: 'insn',
};

/** e.g. `map_value_or_null`, `rdonly_mem`, `trusted_ptr_`. */
export function typeName(type: RegType, flags: number): string {
  if (flags === 0) return WORDS[type];
  let prefix = '';
  if (flags & MEM_RDONLY) prefix += 'rdonly_';
  if (flags & MEM_RINGBUF) prefix += 'ringbuf_';
  if (flags & MEM_USER) prefix += 'user_';
  if (flags & MEM_PERCPU) prefix += 'percpu_';
  if (flags & PTR_UNTRUSTED) prefix += 'untrusted_';
  if (flags & PTR_TRUSTED) prefix += 'trusted_';
  if (flags & MEM_RCU) prefix += 'rcu_';
  if (flags & MEM_ALLOC && !(flags & NON_OWN_REF)) prefix += '';
  const orNull = flags & MAYBE_NULL ? (type === 'btfId' ? 'or_null_' : '_or_null') : '';
  return prefix + WORDS[type] + orNull;
}

export const regTypeName = (reg: RegState): string => typeName(reg.type, reg.flags);
