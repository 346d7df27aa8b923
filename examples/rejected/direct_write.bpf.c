// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Overwriting a timer would leak the kernel object behind it. That goes for a whole-value assignment, too.
 * Fix: assign the other members one by one; bpf_timer_cancel() stops the timer.
 *
 * expect on 6.1, 6.12, 7.2: rejected: bpf_timer cannot be accessed directly by load/store
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
	__builtin_memset(job, 0, sizeof(*job));
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
