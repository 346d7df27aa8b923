/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Stand-in for machines without kernel headers: the types are cut out of the kernel's type
 * information, the constants that are macros from here.
 */
#ifndef BPF_STUDIO_LINUX_ICMPV6_H
#define BPF_STUDIO_LINUX_ICMPV6_H

#ifndef __VMLINUX_H__
#include "bpf_studio_uapi.h"
#endif

#define ICMPV6_DEST_UNREACH 1
#define ICMPV6_PKT_TOOBIG 2
#define ICMPV6_TIME_EXCEED 3
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY 129

#endif
