/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Stand-in for machines without kernel headers: the types are cut out of the kernel's type information. */
#ifndef BPF_STUDIO_LINUX_IN6_H
#define BPF_STUDIO_LINUX_IN6_H

#ifndef __VMLINUX_H__
#include "bpf_studio_uapi.h"
#endif

#define NEXTHDR_HOP 0
#define NEXTHDR_TCP 6
#define NEXTHDR_UDP 17
#define NEXTHDR_IPV6 41
#define NEXTHDR_ROUTING 43
#define NEXTHDR_FRAGMENT 44
#define NEXTHDR_AUTH 51
#define NEXTHDR_ICMP 58
#define NEXTHDR_NONE 59
#define NEXTHDR_DEST 60

#endif
