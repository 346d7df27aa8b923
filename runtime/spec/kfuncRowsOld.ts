/**
 * Rows of `kfuncs.ts` for kernels that check arguments by the type of the register first: all functions of 6.1, of the
 * kernel and of the modules for connection tracking and congestion control.
 * Evidence: every one was called from programs of all types on 6.1; what else holds of it is documented.
 */
import type { KfuncFlag, KfuncGroup, KfuncRow } from './kfuncs';

const rows = (groups: readonly KfuncGroup[], flags: readonly KfuncFlag[], names: string): KfuncRow[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => ({ name, flags, groups, since: '6.1', until: '6.6' }));

const TRACED: readonly KfuncGroup[] = ['TRACING'];
const CONNTRACK: readonly KfuncGroup[] = ['XDP', 'SCHED_CLS'];
const TESTED: readonly KfuncGroup[] = ['SCHED_CLS', 'TRACING', 'SYSCALL'];
const CONGESTION: readonly KfuncGroup[] = ['STRUCT_OPS'];

export const OLD_KFUNC_ROWS: readonly KfuncRow[] = [
  ...rows(TRACED, ['destructive'], 'crash_kexec'),
  ...rows(TRACED, [], 'cgroup_rstat_updated'),
  ...rows(TRACED, ['sleepable'], 'cgroup_rstat_flush bpf_verify_pkcs7_signature'),
  ...rows(TRACED, ['acquire', 'retNull', 'sleepable'], 'bpf_lookup_user_key'),
  ...rows(TRACED, ['acquire', 'retNull'], 'bpf_lookup_system_key'),
  ...rows(TRACED, ['release'], 'bpf_key_put'),
  ...rows(
    CONGESTION,
    [],
    `tcp_reno_ssthresh tcp_reno_cong_avoid tcp_reno_undo_cwnd tcp_slow_start tcp_cong_avoid_ai
     cubictcp_init cubictcp_recalc_ssthresh cubictcp_cong_avoid cubictcp_state cubictcp_cwnd_event cubictcp_acked
     dctcp_init dctcp_update_alpha dctcp_cwnd_event dctcp_ssthresh dctcp_cwnd_undo dctcp_state
     bbr_init bbr_main bbr_sndbuf_expand bbr_undo_cwnd bbr_cwnd_event bbr_ssthresh bbr_min_tso_segs bbr_set_state`,
  ),
  ...rows(
    CONNTRACK,
    ['acquire', 'retNull'],
    'bpf_xdp_ct_alloc bpf_xdp_ct_lookup bpf_skb_ct_alloc bpf_skb_ct_lookup',
  ),
  ...rows(CONNTRACK, ['acquire', 'retNull', 'release'], 'bpf_ct_insert_entry'),
  ...rows(CONNTRACK, ['release'], 'bpf_ct_release'),
  ...rows(
    CONNTRACK,
    ['trustedArgs'],
    'bpf_ct_set_timeout bpf_ct_change_timeout bpf_ct_set_status bpf_ct_change_status bpf_ct_set_nat_info',
  ),
  // for the kernel's own tests
  ...rows(
    TESTED,
    [],
    `bpf_kfunc_call_test1 bpf_kfunc_call_test2 bpf_kfunc_call_test3 bpf_kfunc_call_test_pass_ctx
     bpf_kfunc_call_test_pass1 bpf_kfunc_call_test_pass2 bpf_kfunc_call_test_fail1 bpf_kfunc_call_test_fail2
     bpf_kfunc_call_test_fail3 bpf_kfunc_call_test_mem_len_pass1 bpf_kfunc_call_test_mem_len_fail1
     bpf_kfunc_call_test_mem_len_fail2`,
  ),
  ...rows(TESTED, ['acquire', 'retNull'], 'bpf_kfunc_call_test_acquire bpf_kfunc_call_memb_acquire'),
  ...rows(
    TESTED,
    ['release'],
    `bpf_kfunc_call_test_release bpf_kfunc_call_memb_release bpf_kfunc_call_memb1_release
     bpf_kfunc_call_int_mem_release`,
  ),
  ...rows(TESTED, ['retNull'], 'bpf_kfunc_call_test_get_rdwr_mem bpf_kfunc_call_test_get_rdonly_mem'),
  ...rows(TESTED, ['acquire', 'retNull'], 'bpf_kfunc_call_test_acq_rdonly_mem'),
  ...rows(TESTED, ['acquire', 'retNull', 'kptrGet'], 'bpf_kfunc_call_test_kptr_get'),
  ...rows(TESTED, ['trustedArgs'], 'bpf_kfunc_call_test_ref'),
  ...rows(TESTED, ['destructive'], 'bpf_kfunc_call_test_destructive'),
];
