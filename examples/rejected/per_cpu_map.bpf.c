// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Only array, hash and LRU hash maps can hold timers. For other maps the kernel refuses the types, the loader
 * silently creates the map without them, and the program is what fails.
 * Fix: use BPF_MAP_TYPE_ARRAY, with the CPU's number as the key if each CPU needs its own.
 *
 * expect on 6.1, 6.12, 7.2: rejected: map 'jobs' has to have BTF in order to use bpf_timer
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct job {
	__u64 runs;
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct job);
} jobs SEC(".maps");

static int on_expiry(void *map, __u32 *key, struct job *job)
{
	job->runs++;
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
