// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A timer is initialised after the walk that frees all timers, and the map goes with it.
 *
 * The last user of the map closes it: the walk frees every timer. A program that still runs initialises another one; then the program goes too, and
 * with it the map. Version 5 of the patches walked once more when the map was freed. The fix needs no second walk: it refuses to initialise timers in a
 * map without users.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct item {
	struct bpf_timer timer;
	__u64 fired;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
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
