// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Programs on kprobes, tracepoints and perf events may interrupt anything, even the timer code itself. Up to 6.19 they
 * cannot use a map that holds a timer at all, not even to look something up. Linux 7.0 made timers safe there.
 * Fix for older kernels: use fentry, or keep the timers in a map that the tracing program does not use.
 *
 * expect on 6.1, 6.12: rejected: tracing progs cannot use bpf_timer yet
 * expect on 7.2: accepted
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

SEC("kprobe/do_nanosleep")
int arm(void *ctx)
{
	__u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job)
		return 0;
	job->runs++;
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
