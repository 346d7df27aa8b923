// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Two programs set the callback of one timer at the same time, in kernels whose timers have no lock (7.0).
 *
 * The callback and the program that it belongs to are two words. Two CPUs that write both at the same time can leave the callback of one program with
 * the reference on the other. The first program goes, nothing holds it, and the timer calls into freed code. The fix: whoever wrote both words looks
 * whether both are still its own, and writes them again if not.
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

static int on_expiry_first(void *map, __u32 *key, struct item *item)
{
	item->fired++;
	return 0;
}

SEC("syscall")
int set_first(void *ctx)
{
	__u32 key = 0;
	struct item *item = bpf_map_lookup_elem(&items, &key);

	if (!item)
		return 1;
	bpf_timer_set_callback(&item->timer, on_expiry_first);
	return 0;
}

static int on_expiry_second(void *map, __u32 *key, struct item *item)
{
	item->fired++;
	return 0;
}

SEC("syscall")
int set_second(void *ctx)
{
	__u32 key = 0;
	struct item *item = bpf_map_lookup_elem(&items, &key);

	if (!item)
		return 1;
	bpf_timer_set_callback(&item->timer, on_expiry_second);
	return 0;
}

SEC("syscall")
int start(void *ctx)
{
	__u32 key = 0;
	struct item *item = bpf_map_lookup_elem(&items, &key);

	if (!item)
		return 1;
	bpf_timer_start(&item->timer, 500 * US, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
