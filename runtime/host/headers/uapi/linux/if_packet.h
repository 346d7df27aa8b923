/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Stand-in for machines without kernel headers: the types are cut out of the kernel's type
 * information, the constants that are macros from here.
 */
#ifndef BPF_STUDIO_LINUX_IF_PACKET_H
#define BPF_STUDIO_LINUX_IF_PACKET_H

#ifndef __VMLINUX_H__
#include "bpf_studio_uapi.h"
#endif

#define PACKET_HOST 0
#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define PACKET_OTHERHOST 3
#define PACKET_OUTGOING 4

#endif
