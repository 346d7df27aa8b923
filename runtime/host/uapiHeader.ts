/**
 * The types that kernel headers show to programs (`linux/bpf.h`, `linux/if_ether.h`, …) for machines without those headers,
 * cut out of the kernel's type information. The whole `vmlinux.h` would not do: programs that include `<linux/bpf.h>` may
 * use names for their own structs that the kernel uses for its inner ones.
 */
import { dumpC } from '../btf/dumpC';
import { renumbered } from '../btf/renumber';
import type { Btf, BtfType } from '../btf/types';

/** Name of the generated file; the stand-in headers include it. */
export const UAPI_HEADER = 'bpf_studio_uapi.h';

const STRUCTS = new Set(
  (
    '__sk_buff xdp_md sk_msg_md sk_reuseport_md btf_ptr bpf_insn bpf_lpm_trie_key bpf_lpm_trie_key_hdr ' +
    'bpf_lpm_trie_key_u8 bpf_cgroup_storage_key bpf_stack_build_id bpf_tunnel_key bpf_xfrm_state bpf_sock ' +
    'bpf_tcp_sock bpf_sock_tuple bpf_xdp_sock bpf_devmap_val bpf_cpumap_val bpf_prog_info bpf_map_info bpf_btf_info ' +
    'bpf_link_info bpf_sock_addr bpf_sock_ops bpf_perf_event_data bpf_perf_event_value bpf_cgroup_dev_ctx ' +
    'bpf_raw_tracepoint_args bpf_fib_lookup bpf_redir_neigh bpf_flow_keys bpf_spin_lock bpf_timer bpf_wq bpf_dynptr ' +
    'bpf_list_head bpf_list_node bpf_rb_root bpf_rb_node bpf_refcount bpf_sysctl bpf_sockopt bpf_pidns_info ' +
    'bpf_sk_lookup bpf_iter_num ethhdr iphdr ipv6hdr udphdr tcphdr icmphdr icmp6hdr in_addr in6_addr vlan_hdr ' +
    'sockaddr_in sockaddr_in6'
  ).split(' '),
);
const TYPEDEF = /^__(?:[us](?:8|16|32|64)|[bl]e(?:16|32|64)|sum16|wsum)$/;
const ENUMERATOR = /^(?:BPF_|XDP_|SK_DROP|SK_PASS|IPPROTO_|BTF_F_|TCX_)/;

/** @param kernel type information of a whole kernel. */
export function uapiHeader(kernel: Btf): string {
  const text = dumpC(cutOut(kernel, isRoot));
  return text
    .replaceAll('__VMLINUX_H__', 'BPF_STUDIO_UAPI_H')
    .replace(/^#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute .*\n#endif\n/gm, '');
}

function isRoot(type: BtfType): boolean {
  switch (type.kind) {
    case 'struct':
      return STRUCTS.has(type.name);
    case 'typedef':
      return TYPEDEF.test(type.name);
    case 'enum':
      return type.values.length > 0 && ENUMERATOR.test(type.values[0].name);
    default:
      return false;
  }
}

/** The BTF of the roots and of everything that they need, numbered anew. */
function cutOut(kernel: Btf, root: (type: BtfType) => boolean): Btf {
  const newId = new Map<number, number>([[0, 0]]);
  const order: number[] = [];
  const stack: number[] = [];
  const want = (id: number): void => {
    if (newId.has(id)) return;
    newId.set(id, order.length + 1);
    order.push(id);
    stack.push(id);
  };
  kernel.types.forEach((type, id) => {
    if (root(type)) want(id);
  });
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    for (const needed of neededBy(kernel.types[id])) want(needed);
  }
  const at = (id: number): number => newId.get(id) ?? 0;
  return { types: [kernel.types[0], ...order.map((id) => renumbered(kernel.types[id], at))] };
}

function neededBy(type: BtfType): number[] {
  switch (type.kind) {
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'typeTag':
      return [type.type];
    case 'array':
      return [type.type, type.indexType];
    case 'struct':
    case 'union':
      return type.members.map((member) => member.type);
    case 'funcProto':
      return [type.returnType, ...type.params.map((param) => param.type)];
    default:
      return [];
  }
}
