// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A timer callback must return 0. Returning 1 does not make it periodic: call bpf_timer_start() in it.
 *
 * expect on 6.1: rejected: At async callback the register R0 has value (0x1; 0x0) should have been in (0x0; 0x0)
 * expect on 6.12, 7.2: rejected: At async callback return the register R0 has smin=1 smax=1 should have been in [0, 0]
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

static int on_expiry(void *map, __u32 *key, struct job *job)
{
	job->runs++;
	return 1;
}

SEC("xdp")
int arm(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job)
		return XDP_PASS;
	bpf_timer_init(&job->timer, &jobs, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&job->timer, on_expiry);
	bpf_timer_start(&job->timer, 1000000, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
