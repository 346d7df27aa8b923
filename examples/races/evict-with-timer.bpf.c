// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * An LRU map evicts an element whose timer is armed.
 *
 * When the map is full an update takes the slot of an old element. If its timer is not freed, it fires later for whatever is in the slot by then: here the
 * callback counts in the new element. The fix frees the timer before the slot is filled again.
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
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
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

SEC("syscall")
int insert(void *ctx)
{
	__u32 key = 1;
	struct item item = {};

	bpf_map_update_elem(&items, &key, &item, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
