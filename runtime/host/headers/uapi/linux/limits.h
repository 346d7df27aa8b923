/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Stand-in for machines without kernel headers: the types are cut out of the kernel's type information. */
#ifndef BPF_STUDIO_LINUX_LIMITS_H
#define BPF_STUDIO_LINUX_LIMITS_H

#ifndef __VMLINUX_H__
#include "bpf_studio_uapi.h"
#endif

#define NAME_MAX 255
#define PATH_MAX 4096

#endif
