/**
 * What things cost in virtual nanoseconds. The figures are of the order that a 3 GHz server shows; what matters is that
 * they are fixed, above zero, and the same in every engine (the law is told in docs/virtual-time.md).
 */
import type { HelperName } from './helpers';

/** One BPF instruction. */
export const INSN_NS = 1n;
/** A helper that the table below does not name. */
export const HELPER_NS = 20n;
/** One step of a kernel operation (timer start, free, delete …). */
export const KERNEL_STEP_NS = 15n;
/** One turn of a waiting loop (a cancel that waits for a running callback, a contended lock). */
export const SPIN_NS = 100n;
/** From the expiry of a timer to the first step of the softirq pass: interrupt entry. */
export const INTERRUPT_ENTRY_NS = 250n;
/** Shortest time from the end of a softirq pass to the next timer interrupt; interrupted programs get at least that. */
export const TIMER_GAP_NS = 1_000n;
/** What the wall clock shows when a run begins: nanoseconds since 1970. International atomic time is the same here. */
export const WALL_CLOCK_START_NS = 1_750_000_037_000_000_000n;
/** How late a sleeping process wakes: the default timer slack of Linux. Scenario `advance` sleeps like a process. */
export const SLEEP_SLACK_NS = 50_000n;

/** What the bench that asks real kernels takes between two steps of a scenario. Measured: 200 to 400 microseconds. */
export const BENCH_STEP_NS = 250_000n;

/** Helpers by name, where the default is far off. */
export const HELPER_COSTS_NS: Readonly<Partial<Record<HelperName, bigint>>> = {
  bpf_map_lookup_elem: 15n,
  bpf_map_update_elem: 60n,
  bpf_map_delete_elem: 50n,
  bpf_ktime_get_ns: 20n,
  bpf_get_smp_processor_id: 2n,
  bpf_get_prandom_u32: 8n,
  bpf_trace_printk: 700n,
  bpf_trace_vprintk: 700n,
  bpf_snprintf: 200n,
};
