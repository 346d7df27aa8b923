// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Heartbeat: a periodic timer that lives in an array map.
 *
 * A kernel timer fires once. It becomes periodic because its callback arms it again.
 *
 * Try this:
 *  - Press F5, stop in on_beat() and look at the Timers panel: the timer is "running"; step over
 *    bpf_timer_start() and it is armed again while its callback still runs.
 *  - Look at the call stack: under on_beat() stands the place that armed the timer, first start(), later on_beat().
 *  - bpf-studio run examples/heartbeat.bpf.c --advance 1s     (how many beats fit into one second?)
 *  - Remove the bpf_timer_start() in on_beat(): one beat, and then silence.
 *  - Change "return 0" in on_beat() to "return 1" and see what the verifier says.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1
#define PERIOD_NS (100 * 1000 * 1000ULL) /* 100 ms */

struct beat {
	__u64 count;
	__u64 last_ns;
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct beat);
} beats SEC(".maps");

/* Runs in softirq context each time the timer expires. `key` is the array index, `beat` the whole value. */
static int on_beat(void *map, __u32 *key, struct beat *beat)
{
	beat->count++;
	beat->last_ns = bpf_ktime_get_ns();
	bpf_printk("beat %llu", beat->count);
	bpf_timer_start(&beat->timer, PERIOD_NS, 0);
	return 0;
}

/* The first packet starts the heart; for later ones bpf_timer_init() says -EBUSY and nothing happens. */
SEC("xdp")
int start(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct beat *beat = bpf_map_lookup_elem(&beats, &key);

	if (!beat)
		return XDP_PASS;
	if (bpf_timer_init(&beat->timer, &beats, CLOCK_MONOTONIC))
		return XDP_PASS;
	bpf_timer_set_callback(&beat->timer, on_beat);
	bpf_timer_start(&beat->timer, PERIOD_NS, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
