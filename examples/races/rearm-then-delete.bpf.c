// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A callback re-arms its timer, then deletes its own element (CVE-2024-41045, fixed in Linux 6.10).
 *
 * Freeing within the own callback cannot wait for it, so it did not take the timer off the queue either; the memory was freed with
 * the timer still queued. The fix leaves such frees to a worker. One CPU is enough.
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
	__type(key, __u32);
	__type(value, struct item);
} items SEC(".maps");

static int on_expiry(void *map, __u32 *key, struct item *item)
{
	__u32 own = 0;

	bpf_timer_start(&item->timer, 20 * US, 0);
	bpf_map_delete_elem(&items, &own);
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
	bpf_timer_start(&item->timer, 20 * US, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
