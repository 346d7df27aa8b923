/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Stand-in for machines without kernel headers: the types are cut out of the kernel's type
 * information, the constants that are macros from here.
 */
#ifndef BPF_STUDIO_LINUX_IN_H
#define BPF_STUDIO_LINUX_IN_H

#ifndef __VMLINUX_H__
#include "bpf_studio_uapi.h"
#endif

#define INADDR_ANY ((__u32)0x00000000)
#define INADDR_BROADCAST ((__u32)0xffffffff)
#define INADDR_NONE ((__u32)0xffffffff)
#define INADDR_LOOPBACK 0x7f000001

#endif
