// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Global variables live in a map, too, but in one that cannot hold timers.
 * Fix: put the timer into the value of an array map with one element.
 *
 * expect on 6.1, 6.12, 7.2: error: map 'global_v.bss': failed to create: -ENOTSUPP
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct bpf_timer timer;

static int on_expiry(void *map, __u32 *key, void *value)
{
	return 0;
}

SEC("xdp")
int arm(struct xdp_md *ctx)
{
	bpf_timer_set_callback(&timer, on_expiry);
	bpf_timer_start(&timer, 1000000, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
