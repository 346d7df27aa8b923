/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Network and host byte order. The builtins fold constants, so one form serves constants and variables. */
#ifndef BPF_STUDIO_BPF_ENDIAN_H
#define BPF_STUDIO_BPF_ENDIAN_H

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ___bpf_be16(x) __builtin_bswap16(x)
#define ___bpf_be32(x) __builtin_bswap32(x)
#define ___bpf_be64(x) __builtin_bswap64(x)
#define ___bpf_le16(x) ((__u16)(x))
#define ___bpf_le32(x) ((__u32)(x))
#define ___bpf_le64(x) ((__u64)(x))
#elif __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define ___bpf_be16(x) ((__u16)(x))
#define ___bpf_be32(x) ((__u32)(x))
#define ___bpf_be64(x) ((__u64)(x))
#define ___bpf_le16(x) __builtin_bswap16(x)
#define ___bpf_le32(x) __builtin_bswap32(x)
#define ___bpf_le64(x) __builtin_bswap64(x)
#else
#error "the compiler does not say the byte order"
#endif

#define bpf_htons(x) ___bpf_be16(x)
#define bpf_ntohs(x) ___bpf_be16(x)
#define bpf_htonl(x) ___bpf_be32(x)
#define bpf_ntohl(x) ___bpf_be32(x)
#define bpf_cpu_to_be64(x) ___bpf_be64(x)
#define bpf_be64_to_cpu(x) ___bpf_be64(x)
#define bpf_cpu_to_be32(x) ___bpf_be32(x)
#define bpf_be32_to_cpu(x) ___bpf_be32(x)
#define bpf_cpu_to_be16(x) ___bpf_be16(x)
#define bpf_be16_to_cpu(x) ___bpf_be16(x)
#define bpf_cpu_to_le64(x) ___bpf_le64(x)
#define bpf_le64_to_cpu(x) ___bpf_le64(x)
#define bpf_cpu_to_le32(x) ___bpf_le32(x)
#define bpf_le32_to_cpu(x) ___bpf_le32(x)
#define bpf_cpu_to_le16(x) ___bpf_le16(x)
#define bpf_le16_to_cpu(x) ___bpf_le16(x)

/* Older spellings that programs in the wild use; constants need no macros of their own here. */
#define __bpf_htons(x) ___bpf_be16(x)
#define __bpf_constant_htons(x) ___bpf_be16(x)
#define __bpf_ntohs(x) ___bpf_be16(x)
#define __bpf_constant_ntohs(x) ___bpf_be16(x)
#define __bpf_htonl(x) ___bpf_be32(x)
#define __bpf_constant_htonl(x) ___bpf_be32(x)
#define __bpf_ntohl(x) ___bpf_be32(x)
#define __bpf_constant_ntohl(x) ___bpf_be32(x)
#define __bpf_be64_to_cpu(x) ___bpf_be64(x)
#define __bpf_constant_be64_to_cpu(x) ___bpf_be64(x)
#define __bpf_cpu_to_be64(x) ___bpf_be64(x)
#define __bpf_constant_cpu_to_be64(x) ___bpf_be64(x)

#endif
