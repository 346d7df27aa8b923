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
} as const satisfies Record<string, FeatureRow>;

export type FeatureName = keyof typeof FEATURES;
