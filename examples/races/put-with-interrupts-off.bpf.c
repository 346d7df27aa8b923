// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The last reference on a program is dropped with interrupts off.
 *
 * A timer holds its program. Its cancellation drops that reference under the lock of the timer, with interrupts off; if the user has let go of the
 * program meanwhile it was the last one, and taking a program down sleeps. The fix leaves that to a worker.
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
int cancel(void *ctx)
{
	__u32 key = 0;
	struct item *item = bpf_map_lookup_elem(&items, &key);

	if (!item)
		return 1;
	bpf_timer_cancel(&item->timer);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
