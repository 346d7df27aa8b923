// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * bpf_map_lookup_elem() may return NULL, and the verifier wants to see that case handled before the value is used.
 * Fix: if (!job) return XDP_PASS;
 *
 * expect on 6.1, 6.12, 7.2: rejected: R1 type=map_value_or_null expected=map_value
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct job {
	struct bpf_timer timer;
	__u64 runs;
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
	__u32 key = ctx->rx_queue_index;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	bpf_timer_init(&job->timer, &jobs, CLOCK_MONOTONIC);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
