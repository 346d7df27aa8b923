// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Linux 6.1 finds a timer only as a direct member of the value; newer kernels look into nested structs.
 * Fix for old kernels: make the timer a direct member.
 *
 * expect on 6.1: rejected: map 'jobs' doesn't have 'struct bpf_timer'
 * expect on 6.12, 7.2: accepted
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct inner {
	__u64 armed_ns;
	struct bpf_timer timer;
};

struct job {
	__u64 runs;
	struct inner deadline;
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
	bpf_timer_init(&job->deadline.timer, &jobs, CLOCK_MONOTONIC);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
