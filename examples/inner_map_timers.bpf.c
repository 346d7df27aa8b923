// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Inner-map timers: one map of timers per tenant, held in an outer map.
 *
 * bpf_timer_init() wants the very map that holds the timer. With maps in maps the verifier knows that map only as
 * "what this lookup returned", so the pointer of the same lookup must be used for both arguments.
 *
 * Try this:
 *  - bpf-studio run examples/inner_map_timers.bpf.c --advance 25ms     (each tenant ticks at its own pace)
 *  - Look up the outer map a second time and pass that pointer to bpf_timer_init(): the same map at run time, but
 *    the verifier cannot know and rejects it (see rejected/other_inner_map.bpf.c).
 *  - Give tenant_b another max_entries: an inner map must be like the template.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1
#define TENANTS 2
#define MILLISECOND_NS (1000 * 1000ULL)

struct tick {
	struct bpf_timer timer;
	__u64 period_ns;
	__u64 count;
};

struct ticks {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tick);
};

struct ticks tenant_a SEC(".maps");
struct ticks tenant_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TENANTS);
	__type(key, __u32);
	__array(values, struct ticks);
} tenants SEC(".maps") = {
	.values = { &tenant_a, &tenant_b },
};

/* `map` is the inner map: one callback serves every tenant. */
static int on_tick(void *map, __u32 *key, struct tick *tick)
{
	tick->count++;
	bpf_timer_start(&tick->timer, tick->period_ns, 0);
	return 0;
}

SEC("tc")
int start_tenants(struct __sk_buff *skb)
{
	for (__u32 i = 0; i < TENANTS; i++) {
		__u32 tenant = i, key = 0;
		void *inner = bpf_map_lookup_elem(&tenants, &tenant);
		struct tick *tick;

		if (!inner)
			return 0;
		tick = bpf_map_lookup_elem(inner, &key);
		if (!tick)
			return 0;
		if (bpf_timer_init(&tick->timer, inner, CLOCK_MONOTONIC))
			continue;
		tick->period_ns = (i + 1) * 5 * MILLISECOND_NS;
		bpf_timer_set_callback(&tick->timer, on_tick);
		bpf_timer_start(&tick->timer, tick->period_ns, 0);
	}
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
