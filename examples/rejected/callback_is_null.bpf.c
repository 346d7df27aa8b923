// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A callback cannot be removed by setting it to NULL.
 * Fix: bpf_timer_cancel() removes it.
 *
 * expect on 6.1, 6.12, 7.2: rejected: R2 type=scalar expected=func
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
	__u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job)
		return XDP_PASS;
	bpf_timer_init(&job->timer, &jobs, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&job->timer, NULL);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
