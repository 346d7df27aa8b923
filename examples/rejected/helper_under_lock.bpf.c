// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * No helper may be called while a bpf_spin_lock is held, so a timer cannot be started there.
 * Fix: remember under the lock what to do, and start the timer after bpf_spin_unlock().
 *
 * expect on 6.1, 6.12, 7.2: rejected: function calls are not allowed while holding a lock
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct job {
	struct bpf_spin_lock lock;
	struct bpf_timer timer;
	__u64 runs;
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
	return 0;
}

SEC("tc")
int arm(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job)
		return 0;
	bpf_timer_init(&job->timer, &jobs, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&job->timer, on_expiry);
	bpf_spin_lock(&job->lock);
	job->runs = 0;
	bpf_timer_start(&job->timer, 1000000, 0);
	bpf_spin_unlock(&job->lock);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
