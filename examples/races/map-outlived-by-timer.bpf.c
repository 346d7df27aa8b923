// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * An inner map goes before the program whose timer is armed in it.
 *
 * Timers were first listed by program and cancelled when the program went. But an inner map can go earlier: it is taken out of the outer map while
 * the program stays. The timer then fires with pointers into memory that is gone. The fix: timers belong to maps, and go with the last user.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1
#define US 1000ULL

struct item {
	struct bpf_timer timer;
	__u64 fired;
};

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct item);
} first SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { &first },
};

static int on_expiry(void *map, __u32 *key, struct item *item)
{
	item->fired++;
	return 0;
}

SEC("syscall")
int arm(void *ctx)
{
	__u32 key = 0;
	struct item *item;
	void *inner;

	inner = bpf_map_lookup_elem(&outer, &key);
	if (!inner)
		return 1;
	item = bpf_map_lookup_elem(inner, &key);
	if (!item)
		return 1;
	bpf_timer_init(&item->timer, inner, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&item->timer, on_expiry);
	bpf_timer_start(&item->timer, 500 * US, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
