/** Time, identity, randomness, locks and other helpers that need nothing but the kernel's state. */
import { value, type HelperHandler } from './protocol';

export const basicHelpers = {
  bpf_ktime_get_ns: ({ kernel }) => value(kernel.nowNs),
  bpf_ktime_get_boot_ns: ({ kernel }) => value(kernel.nowNs),
  bpf_get_smp_processor_id: ({ kernel }) => value(kernel.cpu),
  bpf_get_prandom_u32: ({ kernel }) => value(kernel.choices.randomU32()),
} satisfies Record<string, HelperHandler>;
