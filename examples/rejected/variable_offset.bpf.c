// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The place of the timer in the value must be known when the program is loaded.
 * Fix: choose between map elements by their key, not between bytes of one value.
 *
 * expect on 6.1, 6.12, 7.2: rejected: R1 doesn't have constant offset. bpf_timer has to be at the constant offset
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct job {
	struct bpf_timer timer;
	__u64 runs[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct job);
} jobs SEC(".maps");

SEC("xdp")
int arm(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job)
		return XDP_PASS;
	bpf_timer_init((void *)job + (ctx->rx_queue_index & 8), &jobs, CLOCK_MONOTONIC);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
