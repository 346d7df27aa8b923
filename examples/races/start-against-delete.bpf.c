// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The element is deleted while its timer is being started, in kernels whose timers have no lock (7.0).
 *
 * bpf_timer_start() has made all its checks and is about to queue the timer. A deletion on another CPU finds nothing queued and drops the
 * last reference: a grace period begins. The timer is queued; the grace period ends, its memory goes, and it fires. The fix: start holds a
 * reference until the timer is queued, and whoever drops the last one cancels once more after the grace period.
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
	item->fired++;
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
