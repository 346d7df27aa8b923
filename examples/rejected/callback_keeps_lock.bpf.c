// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A callback must release what it takes: locks and references must not survive it. (Linux 6.1 checks locks in timer
 * callbacks the wrong way round and lets this program pass.)
 * Fix: bpf_spin_unlock(&job->lock) before the return.
 *
 * expect on 6.1: accepted
 * expect on 6.12: rejected: bpf_spin_unlock is missing
 * expect on 7.2: rejected: BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region
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
	bpf_spin_lock(&job->lock);
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
	bpf_timer_start(&job->timer, 1000000, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
