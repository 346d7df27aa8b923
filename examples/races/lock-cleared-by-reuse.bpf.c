// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * An element is deleted and used again while another CPU holds the lock of its timer (CVE-2023-53790).
 *
 * Elements of maps without preallocation are used again at once. Linux 6.1 first zeroed the special fields of every element that it handed out, the
 * lock of a timer included that a program with an old pointer held just then. The fix zeroes fresh memory only (6.3, 6.1.16).
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
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__uint(map_flags, BPF_F_NO_PREALLOC);
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

char _license[] SEC("license") = "Dual BSD/GPL";
