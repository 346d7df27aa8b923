/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Stand-in for machines without kernel headers: the types are cut out of the kernel's type
 * information, the numbers from here.
 */
#ifndef BPF_STUDIO_LINUX_ERRNO_H
#define BPF_STUDIO_LINUX_ERRNO_H

#ifndef __VMLINUX_H__
#include "bpf_studio_uapi.h"
#endif

#define EPERM 1
#define ENOENT 2
#define EINTR 4
#define EIO 5
#define E2BIG 7
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define ENODEV 19
#define EINVAL 22
#define ENOSPC 28
#define ERANGE 34
#define EDEADLK 35
#define ENOSYS 38
#define EOPNOTSUPP 95
#define ETIMEDOUT 110
#define ECANCELED 125

#endif
