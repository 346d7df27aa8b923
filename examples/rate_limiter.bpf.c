// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Rate limiter: a token bucket per receive queue, refilled by a timer.
 *
 * A packet takes one token or is dropped. The timer puts REFILL tokens back every 10 ms, up to BURST, and stops
 * itself when the bucket is full; the next packet starts it again. Timers may be started from any program that
 * uses the map, and a timer that nobody needs costs nothing.
 *
 * Try this:
 *  - bpf-studio run examples/rate_limiter.bpf.c --advance 100ms   (the bucket is refilled, then the timer rests)
 *  - Let refill() always arm the timer: the Timers panel never becomes quiet.
 *  - Replace the atomic additions by plain ones: right on one CPU, wrong as soon as a packet arrives elsewhere.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1
#define QUEUES 4
#define BURST 16
#define REFILL 4
#define REFILL_NS (10 * 1000 * 1000ULL) /* 10 ms */

struct bucket {
	__u64 used;
	__u64 dropped;
	struct bpf_timer refill;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, QUEUES);
	__type(key, __u32);
	__type(value, struct bucket);
} buckets SEC(".maps");

static int refill(void *map, __u32 *queue, struct bucket *bucket)
{
	__u64 used = bucket->used;

	if (used <= REFILL) {
		__sync_fetch_and_add(&bucket->used, -used);
		return 0;
	}
	__sync_fetch_and_add(&bucket->used, -REFILL);
	bpf_timer_start(&bucket->refill, REFILL_NS, 0);
	return 0;
}

SEC("xdp")
int limit(struct xdp_md *ctx)
{
	__u32 queue = ctx->rx_queue_index % QUEUES;
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, &queue);

	if (!bucket)
		return XDP_ABORTED;
	if (bpf_timer_init(&bucket->refill, &buckets, CLOCK_MONOTONIC) == 0)
		bpf_timer_set_callback(&bucket->refill, refill);

	if (bucket->used >= BURST) {
		__sync_fetch_and_add(&bucket->dropped, 1);
		return XDP_DROP;
	}
	/* The first token taken from a full bucket wakes the timer. */
	if (__sync_fetch_and_add(&bucket->used, 1) == 0)
		bpf_timer_start(&bucket->refill, REFILL_NS, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
