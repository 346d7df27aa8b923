// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A program initialises a timer after the map lost its last user.
 *
 * When the last file descriptor of a map is closed, all its timers are freed; that is the only time. A program may still be
 * attached and run later. If it could initialise a timer then, nobody would ever free it: here it re-arms itself for ever, and
 * holds the program, which the user has let go of.
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
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct item);
} items SEC(".maps");

static int on_expiry(void *map, __u32 *key, struct item *item)
{
	item->fired++;
	bpf_timer_start(&item->timer, 1000 * US, 0);
	return 0;
}

SEC("syscall")
int setup(void *ctx)
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
