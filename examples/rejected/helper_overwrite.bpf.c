// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Helpers that fill memory may not touch a timer either.
 * Fix: give the helper only the part of the value before or after the timer.
 *
 * expect on 6.1, 6.12, 7.2: rejected: bpf_timer cannot be accessed directly by load/store
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct job {
	char name[16];
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct job);
} jobs SEC(".maps");

SEC("fentry/bpf_fentry_test1")
int arm(void *ctx)
{
	__u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job)
		return 0;
	bpf_get_current_comm(job->name, sizeof(struct job));
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
