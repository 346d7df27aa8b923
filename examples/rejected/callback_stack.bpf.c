// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A callback has its own 512 bytes of stack, which it shares with everything that it calls.
 * Fix: use a per-CPU array map for large buffers.
 *
 * expect on 6.1: rejected: combined stack size of 2 calls is 576. Too large
 * expect on 6.12, 7.2: rejected: combined stack size of 2 calls is 560. Too large
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

static __noinline int fill(__u32 seed)
{
	volatile char buffer[256];

	for (__u32 i = 0; i < sizeof(buffer); i++)
		buffer[i] = seed;
	return buffer[seed & 255];
}

static int on_expiry(void *map, __u32 *key, struct job *job)
{
	volatile char buffer[300];

	buffer[job->runs & 255] = 1;
	job->runs += fill(*key) + buffer[0];
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
