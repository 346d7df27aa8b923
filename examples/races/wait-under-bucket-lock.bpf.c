// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * An element is deleted under the lock of its bucket, and its callback wants the same bucket.
 *
 * Deleting an element frees its timer, which waits for the callback. Kernels before Linux 6.13 did that with the lock of the bucket held. A callback on
 * another CPU that updates an element of the same bucket spins on that lock, for ever. The fix frees the timer after the lock was released. Updates of
 * preallocated maps free it under the lock until 6.19; since 7.0 nobody waits.
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
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct item);
} items SEC(".maps");

static int on_expiry(void *map, __u32 *key, struct item *item)
{
	__u32 own = 0;
	struct item fresh = {};

	bpf_map_update_elem(&items, &own, &fresh, BPF_NOEXIST);
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
