// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Arms as many timers as the context says, spread over a second in no particular order; every callback counts itself.
 * `npm run bench:model` runs it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1
#define TIMERS_MAX (1 << 20)
#define SECOND_NS 1000000000ULL

struct item {
	struct bpf_timer timer;
	__u64 fired;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TIMERS_MAX);
	__type(key, __u32);
	__type(value, struct item);
} items SEC(".maps");

__u64 armed;
__u64 fired;

struct request {
	__u32 count;
};

static int on_expiry(void *map, __u32 *key, struct item *item)
{
	item->fired++;
	__sync_fetch_and_add(&fired, 1);
	return 0;
}

static long arm_one(__u32 key, void *unused)
{
	struct item *item = bpf_map_lookup_elem(&items, &key);

	if (!item)
		return 1;
	bpf_timer_init(&item->timer, &items, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&item->timer, on_expiry);
	if (bpf_timer_start(&item->timer, key * 2654435761ULL % SECOND_NS, 0) == 0)
		armed++;
	return 0;
}

SEC("syscall")
int arm(struct request *request)
{
	bpf_loop(request->count, arm_one, 0, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
