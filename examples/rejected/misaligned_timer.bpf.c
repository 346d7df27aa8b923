// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A timer must stand at a multiple of 8 bytes, which `packed` can break.
 * Fix: drop the attribute, or order the members so that the timer is aligned.
 *
 * expect on 6.1: rejected: map 'jobs' is not a struct type or bpf_timer is mangled
 * expect on 6.12, 7.2: rejected: map 'jobs' has no valid bpf_timer
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct job {
	__u32 runs;
	struct bpf_timer timer;
} __attribute__((packed));

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
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
