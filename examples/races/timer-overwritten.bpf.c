// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A program updates an element whose value has a spin lock and a timer.
 *
 * Copies of a value must leave its lock and its timer alone. Kernels before Linux 5.17 skipped the lock only: the bytes that the program has where
 * the timer is went over the timer. Whoever uses or frees that timer next follows a wild pointer.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1
#define US 1000ULL

struct item {
	struct bpf_spin_lock lock;
	struct bpf_timer timer;
	__u64 fired;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
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
	bpf_timer_start(&item->timer, 1000000 * US, 0);
	return 0;
}

SEC("syscall")
int overwrite(void *ctx)
{
	__u32 key = 0;
	struct item item;

	__builtin_memset(&item, 0xaa, sizeof(item));
	bpf_map_update_elem(&items, &key, &item, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
