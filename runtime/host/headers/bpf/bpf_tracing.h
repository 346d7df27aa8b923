/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Arguments of traced functions by name and type: BPF_PROG for fentry, fexit, LSM and tp_btf programs, BPF_KPROBE and
 * its kin for probes, PT_REGS_* for the registers behind them. The architecture is -D__TARGET_ARCH_x86 or _arm64.
 */
#ifndef BPF_STUDIO_BPF_TRACING_H
#define BPF_STUDIO_BPF_TRACING_H

#include "bpf_helpers.h"

/* Members of struct pt_regs: parameters of C functions 1-6, of system calls 4, result, and the rest. The kernel's own
 * headers and vmlinux.h spell them `di`, user space's <linux/ptrace.h> spells them `rdi`. */
#if defined(__TARGET_ARCH_x86)
#if defined(__KERNEL__) || defined(__VMLINUX_H__)
#define ___PT_1 di
#define ___PT_2 si
#define ___PT_3 dx
#define ___PT_4 cx
#define ___PT_RC ax
#define ___PT_SP sp
#define ___PT_FP bp
#define ___PT_IP ip
#else
#define ___PT_1 rdi
#define ___PT_2 rsi
#define ___PT_3 rdx
#define ___PT_4 rcx
#define ___PT_RC rax
#define ___PT_SP rsp
#define ___PT_FP rbp
#define ___PT_IP rip
#endif
#define ___PT_5 r8
#define ___PT_6 r9
#define ___PT_SYSCALL_4 r10
#define ___PT_REGS(ctx) (ctx)
#define PT_REGS_RET(ctx) (*(unsigned long *)PT_REGS_SP(ctx))
#elif defined(__TARGET_ARCH_arm64)
#define ___PT_1 regs[0]
#define ___PT_2 regs[1]
#define ___PT_3 regs[2]
#define ___PT_4 regs[3]
#define ___PT_5 regs[4]
#define ___PT_6 regs[5]
#define ___PT_SYSCALL_4 regs[3]
#define ___PT_RC regs[0]
#define ___PT_SP sp
#define ___PT_FP regs[29]
#define ___PT_IP pc
#define ___PT_REGS(ctx) ((const struct user_pt_regs *)(ctx))
#define PT_REGS_RET(ctx) (___PT_REGS(ctx)->regs[30])
#endif

#ifdef ___PT_1
#define PT_REGS_PARM1(ctx) (___PT_REGS(ctx)->___PT_1)
#define PT_REGS_PARM2(ctx) (___PT_REGS(ctx)->___PT_2)
#define PT_REGS_PARM3(ctx) (___PT_REGS(ctx)->___PT_3)
#define PT_REGS_PARM4(ctx) (___PT_REGS(ctx)->___PT_4)
#define PT_REGS_PARM5(ctx) (___PT_REGS(ctx)->___PT_5)
#define PT_REGS_PARM6(ctx) (___PT_REGS(ctx)->___PT_6)
#define PT_REGS_RC(ctx) (___PT_REGS(ctx)->___PT_RC)
#define PT_REGS_SP(ctx) (___PT_REGS(ctx)->___PT_SP)
#define PT_REGS_FP(ctx) (___PT_REGS(ctx)->___PT_FP)
#define PT_REGS_IP(ctx) (___PT_REGS(ctx)->___PT_IP)

#define PT_REGS_PARM1_SYSCALL(ctx) PT_REGS_PARM1(ctx)
#define PT_REGS_PARM2_SYSCALL(ctx) PT_REGS_PARM2(ctx)
#define PT_REGS_PARM3_SYSCALL(ctx) PT_REGS_PARM3(ctx)
#define PT_REGS_PARM4_SYSCALL(ctx) (___PT_REGS(ctx)->___PT_SYSCALL_4)
#define PT_REGS_PARM5_SYSCALL(ctx) PT_REGS_PARM5(ctx)
#define PT_REGS_PARM6_SYSCALL(ctx) PT_REGS_PARM6(ctx)

/* The same through a helper, for registers that cannot be read directly. */
#define ___bpf_reg_read(ctx, member) \
	({ \
		unsigned long ___reg = 0; \
		bpf_probe_read_kernel(&___reg, sizeof(___reg), \
				      (const void *)__builtin_preserve_access_index(&___PT_REGS(ctx)->member)); \
		___reg; \
	})
#define PT_REGS_PARM1_CORE(ctx) ___bpf_reg_read(ctx, ___PT_1)
#define PT_REGS_PARM2_CORE(ctx) ___bpf_reg_read(ctx, ___PT_2)
#define PT_REGS_PARM3_CORE(ctx) ___bpf_reg_read(ctx, ___PT_3)
#define PT_REGS_PARM4_CORE(ctx) ___bpf_reg_read(ctx, ___PT_4)
#define PT_REGS_PARM5_CORE(ctx) ___bpf_reg_read(ctx, ___PT_5)
#define PT_REGS_PARM6_CORE(ctx) ___bpf_reg_read(ctx, ___PT_6)
#define PT_REGS_RC_CORE(ctx) ___bpf_reg_read(ctx, ___PT_RC)
#define PT_REGS_SP_CORE(ctx) ___bpf_reg_read(ctx, ___PT_SP)
#define PT_REGS_FP_CORE(ctx) ___bpf_reg_read(ctx, ___PT_FP)
#define PT_REGS_IP_CORE(ctx) ___bpf_reg_read(ctx, ___PT_IP)
#define PT_REGS_PARM1_CORE_SYSCALL(ctx) PT_REGS_PARM1_CORE(ctx)
#define PT_REGS_PARM2_CORE_SYSCALL(ctx) PT_REGS_PARM2_CORE(ctx)
#define PT_REGS_PARM3_CORE_SYSCALL(ctx) PT_REGS_PARM3_CORE(ctx)
#define PT_REGS_PARM4_CORE_SYSCALL(ctx) ___bpf_reg_read(ctx, ___PT_SYSCALL_4)
#define PT_REGS_PARM5_CORE_SYSCALL(ctx) PT_REGS_PARM5_CORE(ctx)
#define PT_REGS_PARM6_CORE_SYSCALL(ctx) PT_REGS_PARM6_CORE(ctx)
#endif

/* On architectures with system-call wrappers the arguments are behind the first parameter. */
#define PT_REGS_SYSCALL_REGS(ctx) ((struct pt_regs *)PT_REGS_PARM1(ctx))

struct pt_regs;

/* --- Functions with typed arguments ------------------------------------------------------------- */

/* `ctx` and then as many arguments as there are parameters. */
#define ___bpf_slots0() ctx
#define ___bpf_slots1(x, ...) ___bpf_slots0(__VA_ARGS__), (void *)ctx[0]
#define ___bpf_slots2(x, ...) ___bpf_slots1(__VA_ARGS__), (void *)ctx[1]
#define ___bpf_slots3(x, ...) ___bpf_slots2(__VA_ARGS__), (void *)ctx[2]
#define ___bpf_slots4(x, ...) ___bpf_slots3(__VA_ARGS__), (void *)ctx[3]
#define ___bpf_slots5(x, ...) ___bpf_slots4(__VA_ARGS__), (void *)ctx[4]
#define ___bpf_slots6(x, ...) ___bpf_slots5(__VA_ARGS__), (void *)ctx[5]
#define ___bpf_slots7(x, ...) ___bpf_slots6(__VA_ARGS__), (void *)ctx[6]
#define ___bpf_slots8(x, ...) ___bpf_slots7(__VA_ARGS__), (void *)ctx[7]
#define ___bpf_slots9(x, ...) ___bpf_slots8(__VA_ARGS__), (void *)ctx[8]
#define ___bpf_slots10(x, ...) ___bpf_slots9(__VA_ARGS__), (void *)ctx[9]
#define ___bpf_slots11(x, ...) ___bpf_slots10(__VA_ARGS__), (void *)ctx[10]
#define ___bpf_slots12(x, ...) ___bpf_slots11(__VA_ARGS__), (void *)ctx[11]
#define ___bpf_parms0() ctx
#define ___bpf_parms1(x, ...) ___bpf_parms0(__VA_ARGS__), (void *)PT_REGS_PARM1(ctx)
#define ___bpf_parms2(x, ...) ___bpf_parms1(__VA_ARGS__), (void *)PT_REGS_PARM2(ctx)
#define ___bpf_parms3(x, ...) ___bpf_parms2(__VA_ARGS__), (void *)PT_REGS_PARM3(ctx)
#define ___bpf_parms4(x, ...) ___bpf_parms3(__VA_ARGS__), (void *)PT_REGS_PARM4(ctx)
#define ___bpf_parms5(x, ...) ___bpf_parms4(__VA_ARGS__), (void *)PT_REGS_PARM5(ctx)
#define ___bpf_parms6(x, ...) ___bpf_parms5(__VA_ARGS__), (void *)PT_REGS_PARM6(ctx)
#define ___bpf_calls0() ctx
#define ___bpf_calls1(x, ...) ___bpf_calls0(__VA_ARGS__), (void *)PT_REGS_PARM1_SYSCALL(regs)
#define ___bpf_calls2(x, ...) ___bpf_calls1(__VA_ARGS__), (void *)PT_REGS_PARM2_SYSCALL(regs)
#define ___bpf_calls3(x, ...) ___bpf_calls2(__VA_ARGS__), (void *)PT_REGS_PARM3_SYSCALL(regs)
#define ___bpf_calls4(x, ...) ___bpf_calls3(__VA_ARGS__), (void *)PT_REGS_PARM4_SYSCALL(regs)
#define ___bpf_calls5(x, ...) ___bpf_calls4(__VA_ARGS__), (void *)PT_REGS_PARM5_SYSCALL(regs)
#define ___bpf_calls6(x, ...) ___bpf_calls5(__VA_ARGS__), (void *)PT_REGS_PARM6_SYSCALL(regs)
#define ___bpf_calls_core0() ctx
#define ___bpf_calls_core1(x, ...) ___bpf_calls_core0(__VA_ARGS__), (void *)PT_REGS_PARM1_CORE_SYSCALL(regs)
#define ___bpf_calls_core2(x, ...) ___bpf_calls_core1(__VA_ARGS__), (void *)PT_REGS_PARM2_CORE_SYSCALL(regs)
#define ___bpf_calls_core3(x, ...) ___bpf_calls_core2(__VA_ARGS__), (void *)PT_REGS_PARM3_CORE_SYSCALL(regs)
#define ___bpf_calls_core4(x, ...) ___bpf_calls_core3(__VA_ARGS__), (void *)PT_REGS_PARM4_CORE_SYSCALL(regs)
#define ___bpf_calls_core5(x, ...) ___bpf_calls_core4(__VA_ARGS__), (void *)PT_REGS_PARM5_CORE_SYSCALL(regs)
#define ___bpf_calls_core6(x, ...) ___bpf_calls_core5(__VA_ARGS__), (void *)PT_REGS_PARM6_CORE_SYSCALL(regs)

#define ___bpf_slots(args...) ___bpf_concat(___bpf_slots, ___bpf_narg(args))(args)
#define ___bpf_parms(args...) ___bpf_concat(___bpf_parms, ___bpf_narg(args))(args)
#define ___bpf_calls(args...) ___bpf_concat(___bpf_calls, ___bpf_narg(args))(args)
#define ___bpf_calls_core(args...) ___bpf_concat(___bpf_calls_core, ___bpf_narg(args))(args)

/* An entry that the kernel calls with `ctx_type ctx`, and an inlined body with the declared parameters. */
#define ___bpf_typed(name, ctx_type, call, args...) \
	name(ctx_type ctx); \
	static __always_inline typeof(name(0)) ___typed_##name(ctx_type ctx, ##args); \
	typeof(name(0)) name(ctx_type ctx) \
	{ \
		_Pragma("GCC diagnostic push") \
		_Pragma("GCC diagnostic ignored \"-Wint-conversion\"") \
		call \
		_Pragma("GCC diagnostic pop") \
	} \
	static __always_inline typeof(name(0)) ___typed_##name(ctx_type ctx, ##args)

/* fentry, fexit, fmod_ret, lsm, tp_btf, iter, struct_ops: 64-bit slots. */
#define BPF_PROG(name, args...) \
	___bpf_typed(name, unsigned long long *, return ___typed_##name(___bpf_slots(args));, ##args)

/*
 * The same with types and names apart: `int BPF_PROG2(name, struct pair, p, int, n)`. Here a struct may be an argument by
 * value: it takes as many 64-bit slots as it fills. `at` counts the slots before.
 */
#define ___bpf_slots_of(type) ((sizeof(type) + 7) / 8)
#define ___bpf_take(type, at) \
	({ \
		union { \
			unsigned char one; \
			unsigned short two; \
			unsigned int four; \
			unsigned long long slots[___bpf_slots_of(type)]; \
			type value; \
		} ___taken; \
		if (sizeof(type) == 1) \
			___taken.one = ctx[at]; \
		else if (sizeof(type) == 2) \
			___taken.two = ctx[at]; \
		else if (sizeof(type) == 4) \
			___taken.four = ctx[at]; \
		else \
			__builtin_memcpy(___taken.slots, &ctx[at], sizeof(___taken.slots)); \
		___taken.value; \
	})
#define ___bpf_pair_decl0()
#define ___bpf_pair_decl1(type, name) , type name
#define ___bpf_pair_decl2(type, name, ...) , type name ___bpf_pair_decl1(__VA_ARGS__)
#define ___bpf_pair_decl3(type, name, ...) , type name ___bpf_pair_decl2(__VA_ARGS__)
#define ___bpf_pair_decl4(type, name, ...) , type name ___bpf_pair_decl3(__VA_ARGS__)
#define ___bpf_pair_decl5(type, name, ...) , type name ___bpf_pair_decl4(__VA_ARGS__)
#define ___bpf_pair_decl6(type, name, ...) , type name ___bpf_pair_decl5(__VA_ARGS__)
#define ___bpf_pair_decl7(type, name, ...) , type name ___bpf_pair_decl6(__VA_ARGS__)
#define ___bpf_pair_decl8(type, name, ...) , type name ___bpf_pair_decl7(__VA_ARGS__)
#define ___bpf_pair_decl9(type, name, ...) , type name ___bpf_pair_decl8(__VA_ARGS__)
#define ___bpf_pair_decl10(type, name, ...) , type name ___bpf_pair_decl9(__VA_ARGS__)
#define ___bpf_pair_decl11(type, name, ...) , type name ___bpf_pair_decl10(__VA_ARGS__)
#define ___bpf_pair_decl12(type, name, ...) , type name ___bpf_pair_decl11(__VA_ARGS__)
#define ___bpf_pair_take0(at)
#define ___bpf_pair_take1(at, type, name) , ___bpf_take(type, at)
#define ___bpf_pair_take2(at, type, name, ...) , ___bpf_take(type, at) ___bpf_pair_take1(at + ___bpf_slots_of(type), __VA_ARGS__)
#define ___bpf_pair_take3(at, type, name, ...) , ___bpf_take(type, at) ___bpf_pair_take2(at + ___bpf_slots_of(type), __VA_ARGS__)
#define ___bpf_pair_take4(at, type, name, ...) , ___bpf_take(type, at) ___bpf_pair_take3(at + ___bpf_slots_of(type), __VA_ARGS__)
#define ___bpf_pair_take5(at, type, name, ...) , ___bpf_take(type, at) ___bpf_pair_take4(at + ___bpf_slots_of(type), __VA_ARGS__)
#define ___bpf_pair_take6(at, type, name, ...) , ___bpf_take(type, at) ___bpf_pair_take5(at + ___bpf_slots_of(type), __VA_ARGS__)
#define ___bpf_pair_take7(at, type, name, ...) , ___bpf_take(type, at) ___bpf_pair_take6(at + ___bpf_slots_of(type), __VA_ARGS__)
#define ___bpf_pair_take8(at, type, name, ...) , ___bpf_take(type, at) ___bpf_pair_take7(at + ___bpf_slots_of(type), __VA_ARGS__)
#define ___bpf_pair_take9(at, type, name, ...) , ___bpf_take(type, at) ___bpf_pair_take8(at + ___bpf_slots_of(type), __VA_ARGS__)
#define ___bpf_pair_take10(at, type, name, ...) , ___bpf_take(type, at) ___bpf_pair_take9(at + ___bpf_slots_of(type), __VA_ARGS__)
#define ___bpf_pair_take11(at, type, name, ...) , ___bpf_take(type, at) ___bpf_pair_take10(at + ___bpf_slots_of(type), __VA_ARGS__)
#define ___bpf_pair_take12(at, type, name, ...) , ___bpf_take(type, at) ___bpf_pair_take11(at + ___bpf_slots_of(type), __VA_ARGS__)
#define ___bpf_pair_nth(_0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, _18, _19, _20, \
			 _21, _22, _23, _24, n, ...) n
#define ___bpf_pairs(args...) \
	___bpf_pair_nth(_, ##args, 12, _, 11, _, 10, _, 9, _, 8, _, 7, _, 6, _, 5, _, 4, _, 3, _, 2, _, 1, _, 0)
#define BPF_PROG2(name, args...) \
	name(unsigned long long *ctx); \
	static __always_inline typeof(name(0)) \
		___typed_##name(unsigned long long *ctx ___bpf_concat(___bpf_pair_decl, ___bpf_pairs(args))(args)); \
	typeof(name(0)) name(unsigned long long *ctx) \
	{ \
		return ___typed_##name(ctx ___bpf_concat(___bpf_pair_take, ___bpf_pairs(args))(0, ##args)); \
	} \
	static __always_inline typeof(name(0)) \
		___typed_##name(unsigned long long *ctx ___bpf_concat(___bpf_pair_decl, ___bpf_pairs(args))(args))

#define BPF_KPROBE(name, args...) \
	___bpf_typed(name, struct pt_regs *, return ___typed_##name(___bpf_parms(args));, ##args)
#define BPF_UPROBE(name, args...) BPF_KPROBE(name, ##args)

#define ___bpf_result0() ctx
#define ___bpf_result1(x) ctx, (void *)PT_REGS_RC(ctx)
#define ___bpf_result(args...) ___bpf_concat(___bpf_result, ___bpf_narg(args))(args)
#define BPF_KRETPROBE(name, args...) \
	___bpf_typed(name, struct pt_regs *, return ___typed_##name(___bpf_result(args));, ##args)
#define BPF_URETPROBE(name, args...) BPF_KRETPROBE(name, ##args)

/* Filled in by the loader: whether this kernel wraps its system calls. */
extern _Bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;

#define BPF_KSYSCALL(name, args...) \
	___bpf_typed(name, struct pt_regs *, \
		     struct pt_regs *regs = LINUX_HAS_SYSCALL_WRAPPER ? PT_REGS_SYSCALL_REGS(ctx) : ctx; \
		     if (LINUX_HAS_SYSCALL_WRAPPER) \
			     return ___typed_##name(___bpf_calls_core(args)); \
		     else \
			     return ___typed_##name(___bpf_calls(args));, ##args)
#define BPF_KPROBE_SYSCALL BPF_KSYSCALL

#endif
