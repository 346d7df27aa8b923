// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * What is initialised must be a `struct bpf_timer` in the map's value type. 16 bytes of one's own are not.
 * Fix: declare the member as struct bpf_timer.
 *
 * expect on 6.1: rejected: map 'jobs' doesn't have 'struct bpf_timer'
 * expect on 6.12, 7.2: rejected: map 'jobs' has no valid bpf_timer
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct job {
	__u64 runs;
	__u64 room_for_timer[2];
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
	bpf_timer_init((void *)job->room_for_timer, &jobs, CLOCK_MONOTONIC);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
