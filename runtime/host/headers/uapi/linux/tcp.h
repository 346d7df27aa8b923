/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Stand-in for machines without kernel headers: the types are cut out of the kernel's type information. */
#ifndef BPF_STUDIO_LINUX_TCP_H
#define BPF_STUDIO_LINUX_TCP_H

#ifndef __VMLINUX_H__
#include "bpf_studio_uapi.h"
#endif

#endif
