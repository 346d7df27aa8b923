// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Cancel and re-arm: what each timer helper returns, and what a cancelled timer has forgotten.
 *
 * bpf_timer_cancel() removes more than the expiry: the callback goes too. So a plain bpf_timer_start() afterwards
 * fails with -EINVAL, while a timer that merely expired can be started again at once.
 *
 * Try this:
 *  - bpf-studio run examples/cancel_rearm.bpf.c --advance 1s and compare `results` with the comments below.
 *  - Step through lesson() with the Timers panel open: watch the callback column become empty at the cancel.
 *  - Call bpf_timer_cancel() inside on_expiry(): a callback cannot cancel its own timer (-EDEADLK, -35).
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1
#define DELAY_NS (20 * 1000 * 1000ULL) /* 20 ms */

struct job {
	struct bpf_timer timer;
	__u64 fired;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct job);
} jobs SEC(".maps");

struct {
	long cancel_before_init;
	long init;
	long init_twice;
	long start_without_callback;
	long set_callback;
	long start;
	long start_again;
	long cancel_armed;
	long cancel_idle;
	long start_after_cancel;
	long set_callback_again;
	long start_at_last;
} results = {};

static int on_expiry(void *map, __u32 *key, struct job *job)
{
	job->fired++;
	return 0;
}

SEC("tc")
int lesson(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job)
		return 0;
	results.cancel_before_init = bpf_timer_cancel(&job->timer); /* -22 EINVAL: there is no timer yet */
	results.init = bpf_timer_init(&job->timer, &jobs, CLOCK_MONOTONIC); /* 0 */
	results.init_twice = bpf_timer_init(&job->timer, &jobs, CLOCK_MONOTONIC); /* -16 EBUSY */
	results.start_without_callback = bpf_timer_start(&job->timer, DELAY_NS, 0); /* -22 EINVAL */
	results.set_callback = bpf_timer_set_callback(&job->timer, on_expiry); /* 0 */
	results.start = bpf_timer_start(&job->timer, DELAY_NS, 0); /* 0 */
	results.start_again = bpf_timer_start(&job->timer, 2 * DELAY_NS, 0); /* 0: the old expiry is dropped */
	results.cancel_armed = bpf_timer_cancel(&job->timer); /* 1: it was armed */
	results.cancel_idle = bpf_timer_cancel(&job->timer); /* 0: nothing to cancel */
	results.start_after_cancel = bpf_timer_start(&job->timer, DELAY_NS, 0); /* -22: the callback is forgotten */
	results.set_callback_again = bpf_timer_set_callback(&job->timer, on_expiry); /* 0 */
	results.start_at_last = bpf_timer_start(&job->timer, DELAY_NS, 0); /* 0: fires once */
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
