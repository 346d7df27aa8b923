// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A map loses its last user, and goes, while a timer is in it.
 *
 * A timer is a kernel object of its own, and holds no reference on its map. When the last user lets go of the map somebody must free the
 * timers in it; otherwise they are left over when the map goes, and an armed one would fire with pointers into memory that is gone.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

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

SEC("syscall")
int prepare(void *ctx)
{
	__u32 key = 0;
	struct item *item = bpf_map_lookup_elem(&items, &key);

	if (!item)
		return 1;
	bpf_timer_init(&item->timer, &items, CLOCK_MONOTONIC);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
