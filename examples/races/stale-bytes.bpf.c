// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A fresh element has old bytes where its timer is.
 *
 * An element of a map without preallocation comes from the allocator with whatever was in its memory. Zeroing struct bpf_timer as the unnamed
 * bit-fields that it was left its bytes as they were, so that a timer that nobody initialised had a pointer and a lock. The fix zeroes bytes, not fields.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1
#define US 1000ULL

struct item {
	struct bpf_timer timer;
	__u64 fired;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct item);
} items SEC(".maps");

static int on_expiry(void *map, __u32 *key, struct item *item)
{
	item->fired++;
	return 0;
}

SEC("syscall")
int arm(void *ctx)
{
	__u32 key = 0;
	struct item *item = bpf_map_lookup_elem(&items, &key);

	if (!item)
		return 1;
	bpf_timer_init(&item->timer, &items, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&item->timer, on_expiry);
	bpf_timer_start(&item->timer, 50 * US, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
