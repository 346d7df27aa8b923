/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Reading kernel structures whose layout differs from kernel to kernel: the compiler records what is accessed, the loader
 * fills in offsets and sizes of the kernel at hand (CO-RE). Also the chained reads BPF_CORE_READ(task, mm, owner).
 */
#ifndef BPF_STUDIO_BPF_CORE_READ_H
#define BPF_STUDIO_BPF_CORE_READ_H

#include "bpf_helpers.h"

/* What is asked of a field, a type or an enumerator; the numbers are part of the object format. */
enum bpf_field_info_kind {
	BPF_FIELD_BYTE_OFFSET = 0,
	BPF_FIELD_BYTE_SIZE = 1,
	BPF_FIELD_EXISTS = 2,
	BPF_FIELD_SIGNED = 3,
	BPF_FIELD_LSHIFT_U64 = 4,
	BPF_FIELD_RSHIFT_U64 = 5,
};

enum bpf_type_id_kind {
	BPF_TYPE_ID_LOCAL = 0,
	BPF_TYPE_ID_TARGET = 1,
};

enum bpf_type_info_kind {
	BPF_TYPE_EXISTS = 0,
	BPF_TYPE_SIZE = 1,
	BPF_TYPE_MATCHES = 2,
};

enum bpf_enum_value_kind {
	BPF_ENUMVAL_EXISTS = 0,
	BPF_ENUMVAL_VALUE = 1,
};

/* A field is named by an expression (`task->pid`) or by type and member (`struct task_struct, pid`). */
#define ___bpf_field_ref1(field) (field)
#define ___bpf_field_ref2(type, field) (((typeof(type) *)0)->field)
#define ___bpf_field_ref(args...) ___bpf_concat(___bpf_field_ref, ___bpf_narg(args))(args)
#define ___bpf_field_info(kind, args...) __builtin_preserve_field_info(___bpf_field_ref(args), kind)

#define bpf_core_field_exists(field...) ___bpf_field_info(BPF_FIELD_EXISTS, field)
#define bpf_core_field_size(field...) ___bpf_field_info(BPF_FIELD_BYTE_SIZE, field)
#define bpf_core_field_offset(field...) ___bpf_field_info(BPF_FIELD_BYTE_OFFSET, field)

#define bpf_core_type_id_local(type) __builtin_btf_type_id(*(typeof(type) *)0, BPF_TYPE_ID_LOCAL)
#define bpf_core_type_id_kernel(type) __builtin_btf_type_id(*(typeof(type) *)0, BPF_TYPE_ID_TARGET)
#define bpf_core_type_exists(type) __builtin_preserve_type_info(*(typeof(type) *)0, BPF_TYPE_EXISTS)
#define bpf_core_type_size(type) __builtin_preserve_type_info(*(typeof(type) *)0, BPF_TYPE_SIZE)
#define bpf_core_type_matches(type) __builtin_preserve_type_info(*(typeof(type) *)0, BPF_TYPE_MATCHES)

/* `value` stays without parentheses: the compiler wants the bare enumerator. */
#define ___bpf_enumval(type, value, kind) __builtin_preserve_enum_value(*(typeof(type) *)value, kind)
#define bpf_core_enum_value_exists(type, value) ___bpf_enumval(type, value, BPF_ENUMVAL_EXISTS)
#define bpf_core_enum_value(type, value) ___bpf_enumval(type, value, BPF_ENUMVAL_VALUE)

/* One relocated read. */
#define bpf_core_read(dst, size, src) \
	bpf_probe_read_kernel(dst, size, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_user(dst, size, src) \
	bpf_probe_read_user(dst, size, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_str(dst, size, src) \
	bpf_probe_read_kernel_str(dst, size, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_user_str(dst, size, src) \
	bpf_probe_read_user_str(dst, size, (const void *)__builtin_preserve_access_index(src))

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
/* The pointer as a read-only one of that kernel type, so that its fields can be read without a helper. */
#define bpf_core_cast(ptr, type) \
	((typeof(type) *)bpf_rdonly_cast((ptr), bpf_core_type_id_kernel(type)))

/* --- Chains: src, a, b, c reads src->a->b->c, one read for each arrow ------------------------- */

#define ___bpf_arrow1(src, a1) (src)->a1
#define ___bpf_arrow2(src, a1, a2) (src)->a1->a2
#define ___bpf_arrow3(src, a1, a2, a3) (src)->a1->a2->a3
#define ___bpf_arrow4(src, a1, a2, a3, a4) (src)->a1->a2->a3->a4
#define ___bpf_arrow5(src, a1, a2, a3, a4, a5) (src)->a1->a2->a3->a4->a5
#define ___bpf_arrow6(src, a1, a2, a3, a4, a5, a6) (src)->a1->a2->a3->a4->a5->a6
#define ___bpf_arrow7(src, a1, a2, a3, a4, a5, a6, a7) (src)->a1->a2->a3->a4->a5->a6->a7
#define ___bpf_arrow8(src, a1, a2, a3, a4, a5, a6, a7, a8) (src)->a1->a2->a3->a4->a5->a6->a7->a8
#define ___bpf_arrow9(src, a1, a2, a3, a4, a5, a6, a7, a8, a9) (src)->a1->a2->a3->a4->a5->a6->a7->a8->a9
#define ___bpf_arrow10(src, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10) (src)->a1->a2->a3->a4->a5->a6->a7->a8->a9->a10
#define ___bpf_arrow(src, args...) ___bpf_concat(___bpf_arrow, ___bpf_narg(args))(src, args)

/* `link` reads the pointers on the way, `last` the value at the end. */
#define ___bpf_chain1(link, last, dst, src, a) last(dst, sizeof(*(dst)), &(src)->a)
#define ___bpf_chain2(link, last, dst, src, a, rest...) \
	({ \
		typeof((src)->a) ___hop2; \
		link((void *)&___hop2, sizeof(___hop2), &(src)->a); \
		___bpf_chain1(link, last, dst, ___hop2, rest); \
	})
#define ___bpf_chain3(link, last, dst, src, a, rest...) \
	({ \
		typeof((src)->a) ___hop3; \
		link((void *)&___hop3, sizeof(___hop3), &(src)->a); \
		___bpf_chain2(link, last, dst, ___hop3, rest); \
	})
#define ___bpf_chain4(link, last, dst, src, a, rest...) \
	({ \
		typeof((src)->a) ___hop4; \
		link((void *)&___hop4, sizeof(___hop4), &(src)->a); \
		___bpf_chain3(link, last, dst, ___hop4, rest); \
	})
#define ___bpf_chain5(link, last, dst, src, a, rest...) \
	({ \
		typeof((src)->a) ___hop5; \
		link((void *)&___hop5, sizeof(___hop5), &(src)->a); \
		___bpf_chain4(link, last, dst, ___hop5, rest); \
	})
#define ___bpf_chain6(link, last, dst, src, a, rest...) \
	({ \
		typeof((src)->a) ___hop6; \
		link((void *)&___hop6, sizeof(___hop6), &(src)->a); \
		___bpf_chain5(link, last, dst, ___hop6, rest); \
	})
#define ___bpf_chain7(link, last, dst, src, a, rest...) \
	({ \
		typeof((src)->a) ___hop7; \
		link((void *)&___hop7, sizeof(___hop7), &(src)->a); \
		___bpf_chain6(link, last, dst, ___hop7, rest); \
	})
#define ___bpf_chain8(link, last, dst, src, a, rest...) \
	({ \
		typeof((src)->a) ___hop8; \
		link((void *)&___hop8, sizeof(___hop8), &(src)->a); \
		___bpf_chain7(link, last, dst, ___hop8, rest); \
	})
#define ___bpf_chain9(link, last, dst, src, a, rest...) \
	({ \
		typeof((src)->a) ___hop9; \
		link((void *)&___hop9, sizeof(___hop9), &(src)->a); \
		___bpf_chain8(link, last, dst, ___hop9, rest); \
	})
#define ___bpf_chain10(link, last, dst, src, a, rest...) \
	({ \
		typeof((src)->a) ___hop10; \
		link((void *)&___hop10, sizeof(___hop10), &(src)->a); \
		___bpf_chain9(link, last, dst, ___hop10, rest); \
	})
#define ___bpf_chain(link, last, dst, src, args...) \
	___bpf_concat(___bpf_chain, ___bpf_narg(args))(link, last, dst, src, args)
#define ___bpf_chain_value(link, src, args...) \
	({ \
		typeof(___bpf_arrow((src), args)) ___value; \
		___bpf_chain(link, link, &___value, (src), args); \
		___value; \
	})

#define BPF_CORE_READ(src, a, ...) ___bpf_chain_value(bpf_core_read, src, a, ##__VA_ARGS__)
#define BPF_CORE_READ_USER(src, a, ...) ___bpf_chain_value(bpf_core_read_user, src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ(src, a, ...) ___bpf_chain_value(bpf_probe_read_kernel, src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ_USER(src, a, ...) ___bpf_chain_value(bpf_probe_read_user, src, a, ##__VA_ARGS__)

#define BPF_CORE_READ_INTO(dst, src, a, ...) \
	___bpf_chain(bpf_core_read, bpf_core_read, dst, (src), a, ##__VA_ARGS__)
#define BPF_CORE_READ_USER_INTO(dst, src, a, ...) \
	___bpf_chain(bpf_core_read_user, bpf_core_read_user, dst, (src), a, ##__VA_ARGS__)
#define BPF_PROBE_READ_INTO(dst, src, a, ...) \
	___bpf_chain(bpf_probe_read_kernel, bpf_probe_read_kernel, dst, (src), a, ##__VA_ARGS__)
#define BPF_PROBE_READ_USER_INTO(dst, src, a, ...) \
	___bpf_chain(bpf_probe_read_user, bpf_probe_read_user, dst, (src), a, ##__VA_ARGS__)

#define BPF_CORE_READ_STR_INTO(dst, src, a, ...) \
	___bpf_chain(bpf_core_read, bpf_core_read_str, dst, (src), a, ##__VA_ARGS__)
#define BPF_CORE_READ_USER_STR_INTO(dst, src, a, ...) \
	___bpf_chain(bpf_core_read_user, bpf_core_read_user_str, dst, (src), a, ##__VA_ARGS__)
#define BPF_PROBE_READ_STR_INTO(dst, src, a, ...) \
	___bpf_chain(bpf_probe_read_kernel, bpf_probe_read_kernel_str, dst, (src), a, ##__VA_ARGS__)
#define BPF_PROBE_READ_USER_STR_INTO(dst, src, a, ...) \
	___bpf_chain(bpf_probe_read_user, bpf_probe_read_user_str, dst, (src), a, ##__VA_ARGS__)

/* --- Bit-fields --------------------------------------------------------------------------------- */

/* `word` holds the bytes around the field; two shifts leave the field, sign-extended if it is signed. */
#define ___bpf_bits(src, field, word) \
	({ \
		(word) <<= __builtin_preserve_field_info((src)->field, BPF_FIELD_LSHIFT_U64); \
		unsigned long long ___right = __builtin_preserve_field_info((src)->field, BPF_FIELD_RSHIFT_U64); \
		__builtin_preserve_field_info((src)->field, BPF_FIELD_SIGNED) \
			? (unsigned long long)((long long)(word) >> ___right) \
			: (word) >> ___right; \
	})

/* For pointers that need a helper to be read. */
#define BPF_CORE_READ_BITFIELD_PROBED(src, field) \
	({ \
		unsigned long long ___word = 0; \
		bpf_probe_read_kernel(&___word, __builtin_preserve_field_info((src)->field, BPF_FIELD_BYTE_SIZE), \
				      (const char *)(src) + \
					      __builtin_preserve_field_info((src)->field, BPF_FIELD_BYTE_OFFSET)); \
		___bpf_bits(src, field, ___word); \
	})

/* For pointers that can be read directly. */
#define BPF_CORE_READ_BITFIELD(src, field) \
	({ \
		const char *___at = (const char *)(src) + \
				    __builtin_preserve_field_info((src)->field, BPF_FIELD_BYTE_OFFSET); \
		unsigned long long ___word = 0; \
		/* The address must stay one value: a load has a constant offset. */ \
		barrier_var(___at); \
		switch (__builtin_preserve_field_info((src)->field, BPF_FIELD_BYTE_SIZE)) { \
		case 1: ___word = *(const unsigned char *)___at; break; \
		case 2: ___word = *(const unsigned short *)___at; break; \
		case 4: ___word = *(const unsigned int *)___at; break; \
		case 8: ___word = *(const unsigned long long *)___at; break; \
		} \
		___bpf_bits(src, field, ___word); \
	})

#endif
