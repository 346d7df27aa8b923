/**
 * Kernel functions that programs may call: what they do with references, trust, RCU and sleep, and which programs may call
 * them. Arguments and results are not here: they follow from the prototype in the kernel's BTF.
 * Evidence: 6.1 and 6.12 as measured; 7.2 where its recorded answers agree.
 */
import { KFUNC_ROWS } from './kfuncRows';
import { OLD_KFUNC_ROWS } from './kfuncRowsOld';
import { OPERATION_KFUNC_ROWS } from './kfuncRowsOperations';
import { isSince, type Profile } from './profile';

/** Groups of program types as kernels register functions for them. */
export type KfuncGroup =
  | 'all'
  | 'TRACING'
  | 'LSM'
  | 'SCHED_CLS'
  | 'SCHED_ACT'
  | 'XDP'
  | 'STRUCT_OPS'
  | 'SYSCALL'
  | 'CGROUP'
  | 'SK_SKB'
  | 'SOCKET_FILTER'
  | 'LWT'
  | 'NETFILTER'
  | 'KPROBE'
  /** Iterators only. */
  | 'ITER'
  /** Programs that run at entry and at return of a function, as one session. */
  | 'SESSION';

export type KfuncFlag =
  /** Returns a reference that must be released. */
  | 'acquire'
  /** Takes the reference of an argument. */
  | 'release'
  | 'retNull'
  | 'sleepable'
  /** Packet pointers are invalid after the call. */
  | 'changesPacket'
  /** Pointers must be trusted and not NULL. */
  | 'trustedArgs'
  /** Pointers must be trusted or RCU-protected, and not NULL. */
  | 'rcu'
  /** Only within an RCU section. */
  | 'rcuProtected'
  | 'iterNew'
  | 'iterNext'
  | 'iterDestroy'
  | 'destructive'
  /** Takes a kernel pointer out of a map: the first argument is where it is kept. */
  | 'kptrGet'
  /** Only in programs that are bound to a device. */
  | 'deviceBound';

export interface KfuncRow {
  readonly name: string;
  readonly flags: readonly KfuncFlag[];
  readonly groups: readonly KfuncGroup[];
  /** For `STRUCT_OPS`: the only operation tables, or members (`table.member`), whose programs may call it. */
  readonly operations?: readonly string[];
  /** First profile in which the row holds, and the first in which it does not any more. */
  readonly since?: string;
  readonly until?: string;
}

/** All rows that hold for a kernel, by name. */
const tables = new Map<string, ReadonlyMap<string, KfuncRow>>();

function tableOf(profile: Profile): ReadonlyMap<string, KfuncRow> {
  let table = tables.get(profile.name);
  if (table === undefined) {
    const here = [...OLD_KFUNC_ROWS, ...KFUNC_ROWS, ...OPERATION_KFUNC_ROWS].filter(
      (entry) =>
        isSince(profile, entry.since) && (entry.until === undefined || !isSince(profile, entry.until)),
    );
    tables.set(profile.name, (table = new Map(here.map((entry) => [entry.name, entry]))));
  }
  return table;
}

/** Replaced by instructions that change no other register than their result's. */
export const FAST_KFUNCS: ReadonlySet<string> = new Set(['bpf_cast_to_kern_ctx', 'bpf_rdonly_cast']);

/** What a kernel function does on that kernel; undefined when it is not listed there. */
export const kfuncByName = (profile: Profile, name: string): KfuncRow | undefined =>
  tableOf(profile).get(name);

/** Program types by the group that kernels since then count them to. */
interface GroupsSince {
  readonly since?: string;
  readonly groups: Readonly<Partial<Record<KfuncGroup, string>>>;
}

const GROUPS: readonly GroupsSince[] = [
  {
    groups: {
      XDP: 'XDP',
      SCHED_CLS: 'SCHED_CLS',
      STRUCT_OPS: 'STRUCT_OPS',
      TRACING: 'TRACING LSM',
      SYSCALL: 'SYSCALL',
    },
  },
  {
    since: '6.12',
    groups: {
      TRACING: 'TRACEPOINT PERF_EVENT',
      LSM: 'LSM',
      CGROUP: 'CGROUP_SKB CGROUP_SOCK CGROUP_DEVICE CGROUP_SOCK_ADDR CGROUP_SOCKOPT CGROUP_SYSCTL',
      SCHED_ACT: 'SCHED_ACT',
      SK_SKB: 'SK_SKB',
      SOCKET_FILTER: 'SOCKET_FILTER',
      LWT: 'LWT_OUT LWT_IN LWT_XMIT LWT_SEG6LOCAL',
      NETFILTER: 'NETFILTER',
      KPROBE: 'KPROBE',
    },
  },
  { since: '7.2', groups: { TRACING: 'RAW_TRACEPOINT', CGROUP: 'SOCK_OPS' } },
];

const SESSIONS: readonly { readonly attach: string; readonly since: string }[] = [
  { attach: 'BPF_TRACE_KPROBE_SESSION', since: '6.12' },
  { attach: 'BPF_TRACE_UPROBE_SESSION', since: '6.18' },
  { attach: 'BPF_TRACE_FSESSION', since: '7.2' },
  { attach: 'BPF_TRACE_FSESSION_MULTI', since: '7.2' },
];

/** Whether a kernel looks functions of `group` up for programs of that type, attached in that way. */
function inGroup(
  profile: Profile,
  group: KfuncGroup,
  programType: string,
  attachType: string | undefined,
): boolean {
  if (group === 'all') return true;
  if (group === 'ITER') return attachType === 'BPF_TRACE_ITER';
  if (group === 'SESSION')
    return SESSIONS.some(({ attach, since }) => attach === attachType && isSince(profile, since));
  const short = programType.replace('BPF_PROG_TYPE_', '');
  return GROUPS.some(
    ({ since, groups }) => isSince(profile, since) && groups[group]?.split(' ').includes(short) === true,
  );
}

/**
 * Whether programs of that type, attached in that way, may call it.
 * @param place attach type; of programs that implement an operation table, `table.member`
 */
export function kfuncAllowed(
  entry: KfuncRow,
  profile: Profile,
  programType: string,
  place: string | undefined,
): boolean {
  const { operations } = entry;
  if (programType === 'BPF_PROG_TYPE_STRUCT_OPS' && operations !== undefined) {
    const table = place?.split('.', 1)[0];
    return operations.some((operation) => operation === place || operation === table);
  }
  return entry.groups.some((group) => inGroup(profile, group, programType, place));
}

const names = (list: string): ReadonlySet<string> => new Set(list.trim().split(/\s+/));

/** Functions that run a callback before they return, and such that register one for later. */
export const SYNC_CALLBACK_KFUNCS = names('bpf_rbtree_add_impl bpf_rbtree_add');
export const ASYNC_CALLBACK_KFUNCS = names(
  `bpf_wq_set_callback_impl bpf_wq_set_callback bpf_task_work_schedule_signal bpf_task_work_schedule_resume`,
);

/** Functions on trees. */
export const TREE_KFUNCS = names(
  `bpf_rbtree_add_impl bpf_rbtree_add bpf_rbtree_first bpf_rbtree_remove bpf_rbtree_root bpf_rbtree_left
   bpf_rbtree_right`,
);

/** Functions that hand an owned object over to a list or tree. */
export const LINKING_KFUNCS = names(
  `bpf_list_push_front_impl bpf_list_push_back_impl bpf_rbtree_add_impl bpf_list_push_front bpf_list_push_back
   bpf_list_add bpf_rbtree_add`,
);

/** Functions that newer kernels allow with a lock held, too. */
export const UNDER_LOCK_SINCE: ReadonlySet<string> = new Set(
  names(
    `bpf_iter_num_new bpf_iter_num_next bpf_iter_num_destroy bpf_arena_alloc_pages bpf_arena_free_pages
     bpf_arena_reserve_pages bpf_stream_vprintk bpf_stream_print_stack`,
  ),
);

/** Functions that may be called with a lock held: those on linked lists and trees. */
export const UNDER_LOCK: ReadonlySet<string> = new Set([
  ...TREE_KFUNCS,
  ...LINKING_KFUNCS,
  ...names(
    `bpf_list_pop_front bpf_list_pop_back bpf_list_front bpf_list_back bpf_list_del bpf_list_is_first
     bpf_list_is_last bpf_list_empty bpf_refcount_acquire_impl bpf_refcount_acquire bpf_res_spin_lock
     bpf_res_spin_unlock bpf_res_spin_lock_irqsave bpf_res_spin_unlock_irqrestore`,
  ),
]);
