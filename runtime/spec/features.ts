/**
 * What kernels differ in, one row per behaviour. `since`/`until` name profiles (the first profile that has it, the
 * first that no longer has it). A row is added for every difference that code asks about.
 */
import type { FeatureRow } from './profile';

export const FEATURES = {
  timerStartAbs: {
    what: 'bpf_timer_start accepts BPF_F_TIMER_ABS',
    since: '6.6',
    evidence: 'mainline 6.4; measured 6.1 refuses, 6.12 accepts',
  },
  timerStartCpuPin: {
    what: 'bpf_timer_start accepts BPF_F_TIMER_CPU_PIN',
    since: '6.12',
    evidence: 'mainline 6.7; measured on 6.12',
  },
  timerFieldRecord: {
    what: 'special fields are found by field record; one message for every bad layout',
    since: '6.6',
    evidence: 'mainline 6.2; measured on 6.1 and 6.12',
  },
  timerArgErrnoInner: {
    what: 'timer argument errors keep EINVAL instead of EACCES',
    since: '6.6',
    evidence: 'mainline 6.2; measured on 6.1 and 6.12',
  },
  timerUserCountRecheck: {
    what: 'bpf_timer_init tests the map user count after publishing the timer, and undoes',
    since: '6.12',
    backports: ['6.1'],
    evidence: 'mainline 6.7; present in 6.1.192',
  },
  timerMutualCancelCheck: {
    what: 'bpf_timer_cancel inside a callback refuses (EDEADLK) when its own timer is being cancelled by a callback',
    since: '6.12',
    backports: ['6.1'],
    evidence: 'mainline 6.10; present in 6.1.192',
  },
  timerDeferredFree: {
    what: 'a timer freed while a timer callback runs on the CPU is cancelled by a worker, not in place',
    since: '6.12',
    until: '7.2',
    backports: ['6.1'],
    evidence: 'mainline 6.10; present in 6.1.192',
  },
  timerLockFree: {
    what: 'timers have no lock but a reference count; freeing never waits; cancel needs interrupts on',
    since: '7.2',
    evidence: 'mainline 7.0',
  },
  timerFlagsBeforeNmi: {
    what: 'bpf_timer_init tests its flags before it refuses NMI context',
    since: '6.12',
    evidence: 'mainline 6.10',
  },
  hrtimerRearmInPlace: {
    what: 're-arming a queued timer to a time between its neighbours leaves it in place',
    since: '7.2',
    evidence: 'mainline 7.1',
  },
  timerFieldNested: {
    what: 'special fields are also found in nested structs and in arrays of one',
    since: '6.12',
    evidence: 'mainline 6.11; measured: 6.12 takes an array of one timer, 6.1 refuses it',
  },
  fieldWorkqueue: { what: 'struct bpf_wq in map values', since: '6.12', evidence: 'mainline 6.10' },
  fieldTaskWork: { what: 'struct bpf_task_work in map values', since: '6.18', evidence: 'mainline 6.18' },
  fieldResSpinLock: {
    what: 'struct bpf_res_spin_lock in map values',
    since: '6.18',
    evidence: 'mainline 6.15',
  },
  fieldKptr: { what: 'kernel pointers (__kptr) in map values', since: '6.1', evidence: 'mainline 5.19' },
  fieldKptrReferencedByDefault: {
    what: 'type tag kptr means a referenced pointer, kptr_untrusted an unreferenced one; before, kptr_ref and kptr',
    since: '6.6',
    evidence: 'mainline 6.4',
  },
  fieldKptrPercpu: { what: 'type tag percpu_kptr', since: '6.12', evidence: 'mainline 6.7' },
  fieldListHead: {
    what: 'struct bpf_list_head and bpf_rb_root in map values',
    since: '6.6',
    evidence: 'mainline 6.2, 6.3',
  },
  fieldRefcount: { what: 'struct bpf_refcount', since: '6.6', evidence: 'mainline 6.4' },
} as const satisfies Record<string, FeatureRow>;

export type FeatureName = keyof typeof FEATURES;
