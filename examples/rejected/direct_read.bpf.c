// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The bytes of a timer belong to the kernel; a program cannot even look at them.
 * Fix: keep what you want to know (armed or not, the expiry) in members of your own.
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
	if (*(volatile __u64 *)&job->timer)
		return XDP_DROP;
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
