/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Stand-in for machines without kernel headers: the types are cut out of the kernel's type
 * information, the constants that are macros from here.
 */
#ifndef BPF_STUDIO_LINUX_IP_H
#define BPF_STUDIO_LINUX_IP_H

#ifndef __VMLINUX_H__
#include "bpf_studio_uapi.h"
#endif

#define IPTOS_TOS_MASK 0x1E
#define IPVERSION 4
#define MAXTTL 255
#define IPDEFTTL 64
#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1FFF

#endif
