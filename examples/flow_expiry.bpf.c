// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Flow expiry: a table of UDP flows in which every entry removes itself when it has been idle.
 *
 * No user-space sweeper, no scan of the table: each value carries its own timer, every packet of the flow
 * pushes the expiry back, and the callback deletes the element that it belongs to.
 *
 * Try this:
 *  - bpf-studio run examples/flow_expiry.bpf.c --advance 1s      (the flow is there, its timer armed)
 *  - bpf-studio run examples/flow_expiry.bpf.c --advance 31s     (the flow is gone)
 *  - Set a breakpoint in on_idle() and step over bpf_map_delete_elem(): the element disappears from the Maps view and
 *    its timer from the Timers panel while the callback is still running. That is allowed.
 *  - Call bpf_timer_start() after the deletion: the verifier accepts it; what does the helper return?
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define ETH_P_IP 0x0800
#define CLOCK_MONOTONIC 1
#define IDLE_NS (30 * 1000 * 1000 * 1000ULL) /* 30 s */

struct flow {
	__be32 source;
	__be32 destination;
	__be16 source_port;
	__be16 destination_port;
};

struct flow_state {
	__u64 packets;
	__u64 bytes;
	struct bpf_timer idle;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct flow);
	__type(value, struct flow_state);
} flows SEC(".maps");

__u64 expired_flows = 0;

static int on_idle(void *map, struct flow *flow, struct flow_state *state)
{
	__sync_fetch_and_add(&expired_flows, 1);
	bpf_printk("flow from port %d idle after %llu packets", bpf_ntohs(flow->source_port), state->packets);
	bpf_map_delete_elem(map, flow);
	return 0;
}

/* Finds the flow of a packet. Returns 0 when it is UDP over IPv4 and complete. */
static __always_inline int parse(struct xdp_md *ctx, struct flow *flow)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *ethernet = data;
	struct iphdr *ip = (void *)(ethernet + 1);
	struct udphdr *udp = (void *)(ip + 1);

	if ((void *)(udp + 1) > end)
		return -1;
	if (ethernet->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 || ip->protocol != IPPROTO_UDP)
		return -1;
	flow->source = ip->saddr;
	flow->destination = ip->daddr;
	flow->source_port = udp->source;
	flow->destination_port = udp->dest;
	return 0;
}

SEC("xdp")
int track(struct xdp_md *ctx)
{
	struct flow flow = {};
	struct flow_state *state;

	if (parse(ctx, &flow))
		return XDP_PASS;

	state = bpf_map_lookup_elem(&flows, &flow);
	if (!state) {
		struct flow_state fresh = {};

		bpf_map_update_elem(&flows, &flow, &fresh, BPF_NOEXIST);
		state = bpf_map_lookup_elem(&flows, &flow);
		if (!state)
			return XDP_PASS;
		/* -EBUSY when another CPU was faster: its timer is as good as ours. */
		if (bpf_timer_init(&state->idle, &flows, CLOCK_MONOTONIC) == 0)
			bpf_timer_set_callback(&state->idle, on_idle);
	}
	__sync_fetch_and_add(&state->packets, 1);
	__sync_fetch_and_add(&state->bytes, (__u64)(ctx->data_end - ctx->data));
	bpf_timer_start(&state->idle, IDLE_NS, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
