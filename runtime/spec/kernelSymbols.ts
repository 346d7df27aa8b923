/**
 * Names in kernels' symbol tables that their BTF need not have, of those that programs ask the address of with
 * `extern const void … __ksym`. Other names may be there too.
 * Evidence: each was asked for on 6.1, 6.12 and 7.2.
 */
import { isSince, type Profile } from './profile';

interface KernelSymbolRow {
  /** Blank-separated. */
  readonly names: string;
  readonly since?: string;
  /** Before this profile its address is 0. */
  readonly addressSince?: string;
}

const ROWS: readonly KernelSymbolRow[] = [
  { names: '_text _stext _etext __start_BTF __stop_BTF __per_cpu_end' },
  // Addresses of per-CPU variables were offsets from here.
  { names: '__per_cpu_start', addressSince: '7.2' },
  { names: 'bpf_init bpf_iter_fops bpf_link_fops bpf_map_fops bpf_prog_active bpf_prog_fops btf_fops' },
  { names: 'bpf_link_fops_poll', since: '6.12' },
  {
    names:
      'cgrp_dfl_root init_cgroup_ns init_css_set init_mm init_net init_pid_ns init_task init_user_ns init_uts_ns',
  },
  { names: '__cpu_possible_mask jiffies nr_cpu_ids root_task_group runqueues schedule sys_call_table' },
  { names: 'eventfd_fops eventpoll_fops pipefifo_fops socket_file_ops' },
  { names: 'tcp_hashinfo tcp_prot udp_prot unix_stream_proto' },
];

const BY_NAME = new Map(ROWS.flatMap((row) => row.names.split(' ').map((name) => [name, row] as const)));

/** Whether the kernel is known to have that symbol, and whether its address is 0 there. */
export function kernelSymbol(profile: Profile, name: string): 'zero' | 'address' | undefined {
  const row = BY_NAME.get(name);
  if (row === undefined || !isSince(profile, row.since)) return undefined;
  return isSince(profile, row.addressSince) ? 'address' : 'zero';
}
