// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The key is the map's own: a callback may read it, not change it.
 * Fix: delete the element and insert it under the new key.
 *
 * expect on 6.1, 6.12, 7.2: rejected: write to change key R2 not allowed
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct job {
	__u64 runs;
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct job);
} jobs SEC(".maps");

static int on_expiry(void *map, __u32 *key, struct job *job)
{
	*key = 1;
	return 0;
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
