// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Two lookups in an outer map are two different maps to the verifier, even with the same key.
 * Fix: keep the pointer of the first lookup and use it for both.
 *
 * expect on 6.1, 6.12, 7.2: rejected: timer pointer in R1 map_uid=1 doesn't match map pointer in R2 map_uid=2
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct job {
	__u64 runs;
	struct bpf_timer timer;
};

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct job);
};

struct inner first SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { &first },
};

SEC("xdp")
int arm(struct xdp_md *ctx)
{
	__u32 key = 0;
	void *one = bpf_map_lookup_elem(&outer, &key);
	void *two = bpf_map_lookup_elem(&outer, &key);
	struct job *job;

	if (!one || !two)
		return XDP_PASS;
	job = bpf_map_lookup_elem(one, &key);
	if (!job)
		return XDP_PASS;
	bpf_timer_init(&job->timer, two, CLOCK_MONOTONIC);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
