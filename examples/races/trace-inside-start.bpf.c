// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A program at a trace point inside the timer code starts the timer that is being started.
 *
 * Starting a queued timer again takes it off its queue first, under the lock of the queue, interrupts off; there lies the trace point
 * hrtimer_cancel. A program there that starts the same timer wants the same lock. The fix: with interrupts off, starting is left to an interrupt worker;
 * and what that worker's own start meets at the trace point is refused with EDEADLK, or it would go round for ever.
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
	bpf_timer_start(&item->timer, 1000000 * US, 0);
	return 0;
}

SEC("syscall")
int start_again(void *ctx)
{
	__u32 key = 0;
	struct item *item = bpf_map_lookup_elem(&items, &key);

	if (!item)
		return 1;
	bpf_timer_start(&item->timer, 2000000 * US, 0);
	return 0;
}

SEC("tp_btf/hrtimer_cancel")
int on_hrtimer_cancel(void *ctx)
{
	__u32 key = 0;
	struct item *item = bpf_map_lookup_elem(&items, &key);

	if (!item)
		return 0;
	bpf_timer_start(&item->timer, 3000000 * US, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
