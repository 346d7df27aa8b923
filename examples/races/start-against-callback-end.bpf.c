// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A timer is started again while its callback ends, and the reference on the program is counted by starts.
 *
 * In one version under review the start of a timer took a reference on the program, and the end of the callback dropped it. A start on another CPU finds
 * the reference taken; then the callback ends and drops it. The timer is armed, nothing holds the program, and it fires after the program is gone.
 * The fix: the reference belongs to the callback that was set, not to being armed.
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

SEC("syscall")
int start_again(void *ctx)
{
	__u32 key = 0;
	struct item *item = bpf_map_lookup_elem(&items, &key);

	if (!item)
		return 1;
	bpf_timer_start(&item->timer, 500 * US, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
