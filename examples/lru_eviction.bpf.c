// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * LRU eviction: what happens to a timer when its element is thrown out.
 *
 * The map owns the timer. When an LRU map evicts an element to make room, the element's timer is cancelled and freed
 * at that moment; no callback runs and nobody is told.
 *
 * Try this:
 *  - bpf-studio run examples/lru_eviction.bpf.c --advance 1s    (twelve timers were started: how many fired?)
 *  - The same with --kernel 6.1: there an LRU map throws out more at once, and fewer timers fire.
 *  - Make the map larger (max_entries 16): now all of them fire.
 *  - Use BPF_MAP_TYPE_HASH instead: updates beyond the limit fail with -E2BIG, and nothing is lost silently.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1
#define SESSIONS 12
#define TIMEOUT_NS (50 * 1000 * 1000ULL) /* 50 ms */

struct session {
	__u64 opened_ns;
	struct bpf_timer timeout;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct session);
} sessions SEC(".maps");

__u64 started = 0;
__u64 timed_out = 0;

static int on_timeout(void *map, __u32 *id, struct session *session)
{
	__sync_fetch_and_add(&timed_out, 1);
	bpf_map_delete_elem(map, id);
	return 0;
}

SEC("xdp")
int open_sessions(struct xdp_md *ctx)
{
	for (__u32 id = 0; id < SESSIONS; id++) {
		struct session fresh = {};
		struct session *session;
		__u32 key = id;

		fresh.opened_ns = bpf_ktime_get_ns();
		if (bpf_map_update_elem(&sessions, &key, &fresh, BPF_ANY))
			continue;
		session = bpf_map_lookup_elem(&sessions, &key);
		if (!session)
			continue;
		if (bpf_timer_init(&session->timeout, &sessions, CLOCK_MONOTONIC))
			continue;
		bpf_timer_set_callback(&session->timeout, on_timeout);
		if (bpf_timer_start(&session->timeout, TIMEOUT_NS, 0) == 0)
			__sync_fetch_and_add(&started, 1);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
