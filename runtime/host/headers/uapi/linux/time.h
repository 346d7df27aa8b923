/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Stand-in for machines without kernel headers: the types are cut out of the kernel's type
 * information, the clocks from here.
 */
#ifndef BPF_STUDIO_LINUX_TIME_H
#define BPF_STUDIO_LINUX_TIME_H

#ifndef __VMLINUX_H__
#include "bpf_studio_uapi.h"
#endif

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7

#endif
