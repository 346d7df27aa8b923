/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Stand-in for machines without kernel headers: registers under the names that user space knows them by. */
#ifndef BPF_STUDIO_LINUX_PTRACE_H
#define BPF_STUDIO_LINUX_PTRACE_H

#ifndef __VMLINUX_H__
#include "bpf_studio_uapi.h"
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	unsigned long rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
	__u64 pstate;
};
#endif
#endif

#endif
