// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A record reserved in a ring buffer must be submitted or discarded before the callback returns.
 * Fix: bpf_ringbuf_submit(record, 0).
 *
 * expect on 6.1, 6.12: rejected: Unreleased reference id=3 alloc_insn=30
 * expect on 7.2: rejected: BPF_EXIT instruction in main prog would lead to reference leak
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

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

static int on_expiry(void *map, __u32 *key, struct job *job)
{
	__u64 *record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);

	if (!record)
		return 0;
	*record = job->runs;
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
