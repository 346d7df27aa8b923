// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A program in NMI context enters a timer helper on a CPU that is inside one.
 *
 * The timer helpers take the lock of the timer with interrupts off; a non-maskable interrupt comes all the same. A program that runs in it and
 * takes the same lock waits for what it interrupted. The fix is to refuse NMI context. Since Linux 7.0 timers have no lock and need no refusal.
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

SEC("fentry/perf_event_overflow")
int arm_from_nmi(void *ctx)
{
	__u32 key = 0;
	struct item *item = bpf_map_lookup_elem(&items, &key);

	if (!item)
		return 0;
	bpf_timer_start(&item->timer, 20 * US, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
