// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A callback runs in interrupt context and cannot sleep, even when the program that set it can. Kernels before 6.18
 * overlook this and the callback may then sleep in an interrupt.
 * Fix: copy from user space in the program, and keep the result in the map.
 *
 * expect on 6.1, 6.12: accepted
 * expect on 7.2: rejected: sleepable helper bpf_copy_from_user#148 in non-sleepable prog
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
	bpf_copy_from_user(&job->runs, sizeof(job->runs), NULL);
	return 0;
}

SEC("syscall")
int arm(void *ctx)
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
