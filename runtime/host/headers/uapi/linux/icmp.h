/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Stand-in for machines without kernel headers: the types are cut out of the kernel's type
 * information, the constants that are macros from here.
 */
#ifndef BPF_STUDIO_LINUX_ICMP_H
#define BPF_STUDIO_LINUX_ICMP_H

#ifndef __VMLINUX_H__
#include "bpf_studio_uapi.h"
#endif

#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_REDIRECT 5
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11

#endif
