/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What a BPF program in C needs beside the kernel's types: section and map-definition macros, attributes,
 * bpf_printk() and the helper functions. It offers the names that BPF programs everywhere use, for machines that
 * have no libbpf headers; where libbpf's are installed, those are used instead.
 * Include "vmlinux.h" or <linux/bpf.h> before it.
 */
#ifndef BPF_STUDIO_BPF_HELPERS_H
#define BPF_STUDIO_BPF_HELPERS_H

#include "bpf_helper_defs.h"

/* Where an object goes: the loader reads the program's type from the section's name. */
#define SEC(name)                                                         \
	_Pragma("GCC diagnostic push")                                    \
	_Pragma("GCC diagnostic ignored \"-Wignored-attributes\"")        \
	__attribute__((section(name), used))                              \
	_Pragma("GCC diagnostic pop")

/* Map definitions: numbers are array bounds, types are pointers. Nothing of it is ever stored. */
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#ifndef __COUNTER__
#define __COUNTER__ __LINE__
#endif
#define __ulong(name, val) enum { ___bpf_concat(__unique_value, __COUNTER__) = val } name

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#ifndef __hidden
#define __hidden __attribute__((visibility("hidden")))
#endif

/* Values that the loader fills in: kernel configuration, kernel symbols and kernel functions. */
#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))

/* Marks read by the verifier. */
#if __has_attribute(btf_type_tag)
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#define __uptr __attribute__((btf_type_tag("uptr")))
#else
#define __kptr_untrusted
#define __kptr
#define __percpu_kptr
#define __uptr
#endif
#if __has_attribute(btf_decl_tag)
#define __arg_ctx __attribute__((btf_decl_tag("arg:ctx")))
#define __arg_nonnull __attribute__((btf_decl_tag("arg:nonnull")))
#define __arg_nullable __attribute__((btf_decl_tag("arg:nullable")))
#define __arg_trusted __attribute__((btf_decl_tag("arg:trusted")))
#define __arg_untrusted __attribute__((btf_decl_tag("arg:untrusted")))
#define __arg_arena __attribute__((btf_decl_tag("arg:arena")))
#else
#define __arg_ctx
#define __arg_nonnull
#define __arg_nullable
#define __arg_trusted
#define __arg_untrusted
#define __arg_arena
#endif

#ifndef NULL
#define NULL ((void *)0)
#endif
#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#ifndef container_of
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#endif

#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))

/* Keeps the compiler from moving code across, or from assuming anything about `var`. */
#ifndef barrier
#define barrier() asm volatile("" ::: "memory")
#endif
#ifndef barrier_var
#define barrier_var(var) asm volatile("" : "+r"(var))
#endif

/* An instruction that the verifier refuses when it can be reached. */
#ifndef __bpf_unreachable
#define __bpf_unreachable() __builtin_trap()
#endif

/* True when a weak kernel symbol was found by the loader. */
#define bpf_ksym_exists(symbol) (!!(symbol))

enum libbpf_pin_type {
	LIBBPF_PIN_NONE,
	LIBBPF_PIN_BY_NAME,
};

enum libbpf_tristate {
	TRI_NO = 0,
	TRI_YES = 1,
	TRI_MODULE = 2,
};

/* Tail call with a constant slot, in the form that the kernel turns into a direct jump. */
#if defined(__bpf__)
static __always_inline void bpf_tail_call_static(void *ctx, const void *map, const __u32 slot)
{
	if (!__builtin_constant_p(slot))
		__bpf_unreachable();
	asm volatile("r1 = %[ctx]\n\t"
		     "r2 = %[map]\n\t"
		     "r3 = %[slot]\n\t"
		     "call 12"
		     :
		     : [ctx] "r"(ctx), [map] "r"(map), [slot] "i"(slot)
		     : "r0", "r1", "r2", "r3", "r4", "r5");
}
#endif

/* --- Macros over argument lists --------------------------------------------------------------- */

#ifndef ___bpf_concat
#define ___bpf_concat_now(a, b) a##b
#define ___bpf_concat(a, b) ___bpf_concat_now(a, b)
#endif
#ifndef ___bpf_nth
#define ___bpf_nth(_0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, n, ...) n
#endif
#ifndef ___bpf_narg
#define ___bpf_narg(...) ___bpf_nth(_, ##__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#endif

/* Stores each argument in the next element of `array`, as the printing helpers want them. */
#define ___bpf_fill0(array, at)
#define ___bpf_fill1(array, at, x) array[at] = (unsigned long long)(x);
#define ___bpf_fill2(array, at, x, ...) ___bpf_fill1(array, at, x) ___bpf_fill1(array, (at) + 1, __VA_ARGS__)
#define ___bpf_fill3(array, at, x, ...) ___bpf_fill1(array, at, x) ___bpf_fill2(array, (at) + 1, __VA_ARGS__)
#define ___bpf_fill4(array, at, x, ...) ___bpf_fill1(array, at, x) ___bpf_fill3(array, (at) + 1, __VA_ARGS__)
#define ___bpf_fill5(array, at, x, ...) ___bpf_fill1(array, at, x) ___bpf_fill4(array, (at) + 1, __VA_ARGS__)
#define ___bpf_fill6(array, at, x, ...) ___bpf_fill1(array, at, x) ___bpf_fill5(array, (at) + 1, __VA_ARGS__)
#define ___bpf_fill7(array, at, x, ...) ___bpf_fill1(array, at, x) ___bpf_fill6(array, (at) + 1, __VA_ARGS__)
#define ___bpf_fill8(array, at, x, ...) ___bpf_fill1(array, at, x) ___bpf_fill7(array, (at) + 1, __VA_ARGS__)
#define ___bpf_fill9(array, at, x, ...) ___bpf_fill1(array, at, x) ___bpf_fill8(array, (at) + 1, __VA_ARGS__)
#define ___bpf_fill10(array, at, x, ...) ___bpf_fill1(array, at, x) ___bpf_fill9(array, (at) + 1, __VA_ARGS__)
#define ___bpf_fill11(array, at, x, ...) ___bpf_fill1(array, at, x) ___bpf_fill10(array, (at) + 1, __VA_ARGS__)
#define ___bpf_fill12(array, at, x, ...) ___bpf_fill1(array, at, x) ___bpf_fill11(array, (at) + 1, __VA_ARGS__)
#define ___bpf_fill(array, ...) \
	___bpf_concat(___bpf_fill, ___bpf_narg(__VA_ARGS__))(array, 0, ##__VA_ARGS__)

/* --- Printing --------------------------------------------------------------------------------- */

#define ___bpf_with_args(call, fmt, ...)                                                              \
	({                                                                                            \
		static const char ___fmt[] = fmt;                                                     \
		unsigned long long ___args[___bpf_narg(__VA_ARGS__) ? ___bpf_narg(__VA_ARGS__) : 1];  \
		___bpf_fill(___args, ##__VA_ARGS__)                                                   \
		call;                                                                                 \
	})

#define BPF_SEQ_PRINTF(seq, fmt, args...)                                                             \
	___bpf_with_args(bpf_seq_printf(seq, ___fmt, sizeof(___fmt), ___args,                         \
					___bpf_narg(args) * sizeof(*___args)), fmt, ##args)

#define BPF_SNPRINTF(out, out_size, fmt, args...)                                                     \
	___bpf_with_args(bpf_snprintf(out, out_size, ___fmt, ___args,                                 \
				      ___bpf_narg(args) * sizeof(*___args)), fmt, ##args)

#ifdef BPF_NO_GLOBAL_DATA
#define ___BPF_FMT_STORAGE
#else
#define ___BPF_FMT_STORAGE static const
#endif

#define ___bpf_print_few(fmt, args...)                                \
	({                                                            \
		___BPF_FMT_STORAGE char ____fmt[] = fmt;              \
		bpf_trace_printk(____fmt, sizeof(____fmt), ##args);   \
	})
#define ___bpf_print_many(fmt, args...)                               \
	___bpf_with_args(bpf_trace_vprintk(___fmt, sizeof(___fmt), ___args, \
					   ___bpf_narg(args) * sizeof(*___args)), fmt, ##args)
#define ___bpf_print0 ___bpf_print_few
#define ___bpf_print1 ___bpf_print_few
#define ___bpf_print2 ___bpf_print_few
#define ___bpf_print3 ___bpf_print_few
#define ___bpf_print4 ___bpf_print_many
#define ___bpf_print5 ___bpf_print_many
#define ___bpf_print6 ___bpf_print_many
#define ___bpf_print7 ___bpf_print_many
#define ___bpf_print8 ___bpf_print_many
#define ___bpf_print9 ___bpf_print_many
#define ___bpf_print10 ___bpf_print_many
#define ___bpf_print11 ___bpf_print_many
#define ___bpf_print12 ___bpf_print_many

/* Prints to the trace pipe; more than three arguments need Linux 5.16. */
#define bpf_printk(fmt, args...) ___bpf_concat(___bpf_print, ___bpf_narg(args))(fmt, ##args)

/* --- Open-coded iterators (Linux 6.4 and newer) ------------------------------------------------- */

struct bpf_iter_num;

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __weak __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __weak __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __weak __ksym;

/* for each element of iterator `kind`; the iterator is destroyed however the loop is left. */
#ifndef bpf_for_each
#define bpf_for_each(kind, cur, args...)                                                              \
	for (struct bpf_iter_##kind ___it __attribute__((aligned(8),                                  \
							 cleanup(bpf_iter_##kind##_destroy))),        \
	     *___once __attribute__((unused)) = (bpf_iter_##kind##_new(&___it, ##args),               \
						 (void)bpf_iter_##kind##_destroy, (void *)0);         \
	     (((cur) = bpf_iter_##kind##_next(&___it)));)
#endif

/* `i` runs from `start` to `end` - 1, and the verifier knows that it stays there. */
#ifndef bpf_for
#define bpf_for(i, start, end)                                                                        \
	for (struct bpf_iter_num ___it __attribute__((aligned(8), cleanup(bpf_iter_num_destroy))),    \
	     *___once __attribute__((unused)) = (bpf_iter_num_new(&___it, (start), (end)),            \
						 (void)bpf_iter_num_destroy, (void *)0);              \
	     ({                                                                                       \
		int *___next = bpf_iter_num_next(&___it);                                             \
		(i) = ___next ? *___next : 0;                                                         \
		___next && (i) >= (start) && (i) < (end);                                             \
	     });)
#endif

#ifndef bpf_repeat
#define bpf_repeat(count)                                                                             \
	for (struct bpf_iter_num ___it __attribute__((aligned(8), cleanup(bpf_iter_num_destroy))),    \
	     *___once __attribute__((unused)) = (bpf_iter_num_new(&___it, 0, (count)),                \
						 (void)bpf_iter_num_destroy, (void *)0);              \
	     bpf_iter_num_next(&___it);)
#endif

#endif
