// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A timer outlives the program that starts it, so it cannot live on the program's stack.
 * Fix: put it into a map value.
 *
 * expect on 6.1, 6.12, 7.2: rejected: R1 type=fp expected=map_value
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct job {
	__u64 runs;
	struct bpf_timer timer;
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
	struct bpf_timer timer = {};

	bpf_timer_init(&timer, &jobs, CLOCK_MONOTONIC);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
