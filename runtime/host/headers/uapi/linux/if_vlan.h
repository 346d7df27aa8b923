/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Stand-in for machines without kernel headers: the types are cut out of the kernel's type
 * information, the constants that are macros from here.
 */
#ifndef BPF_STUDIO_LINUX_IF_VLAN_H
#define BPF_STUDIO_LINUX_IF_VLAN_H

#ifndef __VMLINUX_H__
#include "bpf_studio_uapi.h"
#endif

#define VLAN_HLEN 4
#define VLAN_VID_MASK 0x0fff
#define VLAN_PRIO_MASK 0xe000
#define VLAN_PRIO_SHIFT 13

#endif
