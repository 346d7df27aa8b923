// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * An element is deleted while the last user of its map frees all timers.
 *
 * Freeing all timers of a map walks its elements. In a map without preallocation another CPU may delete an element just then, and its memory goes
 * back to the allocator. The fix makes the walk a reader for whose end the allocator waits.
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
	__uint(max_entries, 4);
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
int arm_first(void *ctx)
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

SEC("syscall")
int arm_second(void *ctx)
{
	__u32 key = 1;
	struct item *item = bpf_map_lookup_elem(&items, &key);

	if (!item)
		return 1;
	bpf_timer_init(&item->timer, &items, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&item->timer, on_expiry);
	bpf_timer_start(&item->timer, 50 * US, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
