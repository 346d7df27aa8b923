/**
 * Which program types may call which helpers, as measured: each kernel was asked for every pair (GPL licence, all
 * capabilities). `ids` is what 6.12 allows; `also…`/`not…` are what 6.1 and 7.2 allow beyond it or refuse.
 * Rows with `attachTypes` come after the general row of the same type and win for those attach types.
 * `attachTypes` of BPF_PROG_TYPE_STRUCT_OPS are operation tables, or `table.member`.
 * Not here, because those kernels could not be asked: BPF_PROG_TYPE_EXT, _LIRC_MODE2.
 *
 * Profiles by facts use the nearest measured kernel; a helper's `since` is asked besides.
 */
import { NO_ATTACH_TYPE } from './attachTypes';
import { helperById, type HelperPrototype, type HelperRow } from './helpers';
import { isSince, type Profile } from './profile';

export interface HelperProgramsRow {
  /** BPF_PROG_TYPE_… */
  readonly type: string;
  readonly attachTypes?: readonly string[];
  /** Blank-separated ids and ranges. */
  readonly ids: string;
  readonly also61?: string;
  readonly not61?: string;
  readonly also72?: string;
  readonly not72?: string;
}

export const HELPER_PROGRAMS: readonly HelperProgramsRow[] = [
  {
    type: 'BPF_PROG_TYPE_SOCKET_FILTER',
    ids: '1-3 5-8 12 14 25-26 35 42 46-47 68 80 87-89 93-94 105-106 112-115 118 120 123 125 130-134 136-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 194-203 208-211',
    not61: '14 80 120 123',
    also72: '15-17 22 37 55 109 117 122 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_KPROBE',
    ids: '1-8 12 14-16 22 25 27 35-37 42 45 55 67 80 87-89 93-94 105-106 109 112-115 117-118 120 123 125 130-134 141 148-149 153-154 156-158 164-165 169-177 180-182 191 194-195 197-203 208-211',
    also72: '17',
  },
  {
    type: 'BPF_PROG_TYPE_SCHED_CLS',
    ids: '1-3 5-14 17-21 23-26 28-35 38-43 46-48 50 66 68-69 79-80 83-89 93-100 105-108 110 112-115 118 120 123-125 130-140 149 151-155 158 160 163-165 169-172 175 177-178 181-182 192 194-211',
    not61: '14 80 120 123',
    also72: '15-16 22 37 55 109 117 122 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_SCHED_ACT',
    ids: '1-3 5-14 17-21 23-26 28-35 38-43 46-48 50 66 68-69 79-80 83-89 93-100 105-108 110 112-115 118 120 123-125 130-140 149 151-155 158 160 163-165 169-172 175 177-178 181-182 192 194-211',
    not61: '14 80 120 123',
    also72: '15-16 22 37 55 109 117 122 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_TRACEPOINT',
    ids: '1-8 12 14-16 22 25 27 35-37 42 45 55 67 80 87-89 93-94 105-106 109 112-115 117-118 120 123 125 130-134 141 148-149 153-154 156-158 164-165 169-177 180-182 191 194-195 197-203 208-211',
    also72: '17',
  },
  {
    type: 'BPF_PROG_TYPE_XDP',
    ids: '1-3 5-8 12 14 23 25 28 35 42 44 51 54 65 69 80 84-89 93-94 99-100 105-106 110 112-115 118 120 123 125 130-134 136-140 149 153-154 158 160 163-165 169-172 175 177-178 181-182 188-190 194-211',
    not61: '14 80 120 123',
    also72: '15-17 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_PERF_EVENT',
    ids: '1-8 12 14-16 22 25 27 35-37 42 45 55-56 67 80 87-89 93-94 105-106 109 112-115 117-120 123 125 130-134 141 148-149 153-154 156-158 164-165 169-177 180-182 191 194-195 197-203 208-211',
    also72: '17',
  },
  {
    type: 'BPF_PROG_TYPE_CGROUP_SKB',
    ids: '1-3 5-8 12 14 25-26 35 42 46-47 68 79-81 83-89 93-99 105-108 112-115 118 120 123 125 128-134 136-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 194-203 208-211',
    not61: '14 80 120 123',
    also72: '15-17 22 37 55 109 117 122 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_CGROUP_SOCK',
    ids: '1-3 5-8 12 14-17 25 35 37 42 46 80-81 87-89 93-94 105-107 112-115 118 120 122-123 125 130-134 149 153-154 158 160 164-165 169-172 175 177 181-182 186-187 194-195 197-203 208-211',
    not61: '37 120',
    also72: '22 49 55 57 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_CGROUP_SOCK',
    attachTypes: ['BPF_CGROUP_INET4_POST_BIND', 'BPF_CGROUP_INET6_POST_BIND', 'BPF_CGROUP_INET_SOCK_RELEASE'],
    ids: '1-3 5-8 12 14-17 25 35 37 42 46 80-81 87-89 93-94 105-107 112-115 118 120 122-123 125 130-134 149 153-154 158 160 164-165 169-172 175 177 181-182 186-187 194-195 197-203 208-211',
    not61: '37 120',
    also72: '22 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_LWT_IN',
    ids: '1-3 5-8 12 14 17 24-26 28 33-35 39 42 73 80 87-89 93-94 105-106 112-115 118 120 123 125 130-134 136-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 194-203 208-211',
    not61: '14 80 120 123',
    also72: '15-16 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_LWT_OUT',
    ids: '1-3 5-8 12 14 17 24-26 28 33-35 39 42 80 87-89 93-94 105-106 112-115 118 120 123 125 130-134 136-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 194-203 208-211',
    not61: '14 80 120 123',
    also72: '15-16 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_LWT_XMIT',
    ids: '1-3 5-14 17 20-21 23-26 28-30 33-35 38-43 73 80 87-89 93-94 105-106 112-115 118 120 123 125 130-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 194-203 208-211',
    not61: '14 80 120 123',
    also72: '15-16 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_SOCK_OPS',
    ids: '1-3 5-8 12 14 25 35 42 46 49 53 57 59 70 80-81 87-89 93-94 96 105-108 112-115 118 120 122-123 125 130-134 136-140 142-144 149 153-154 158 160 164-165 169-172 175 177-178 181-182 194-203 208-211',
    not61: '14 80 120 123',
    also72: '15-17 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_SK_SKB',
    ids: '1-3 5-9 12 14 25-26 35 38-39 42-43 46-47 50 52 72 80 84-89 93-94 99 105-106 112-115 118 120 123 125 130-134 136-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 194-203 208-211',
    not61: '14 80 120 123',
    also72: '15-17 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_CGROUP_DEVICE',
    ids: '1-3 5-8 12 14-17 25 35 37 42 80-81 87-89 93-94 105-106 112-115 118 120 123 125 130-134 149 153-154 158 164-165 169-172 175 177 181-182 186-187 194-195 197-203 208-211',
    not61: '37 120',
    also72: '22 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_CGROUP_DEVICE',
    attachTypes: [NO_ATTACH_TYPE],
    ids: '1-3 5-8 12 14-17 25 35 37 42 80-81 87-89 93-94 105-106 112-115 118 120 123 125 130-134 149 153-154 158 164-165 169-172 175 177 181-182 194-195 197-203 208-211',
    not61: '37 120',
    also72: '22 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_SK_MSG',
    ids: '1-3 5-8 12 14-15 17 25 35 42 60-63 71 80 87-91 93-94 105-108 112-115 118 120 122-123 125 130-134 136-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 194-203 208-211',
    not61: '120',
    also72: '16 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_RAW_TRACEPOINT',
    ids: '1-8 12 14-16 22 25 27 35-37 42 45 55 67 80 87-89 93-94 105-106 109 112-115 117-118 120 123 125 130-134 141 148-149 153-154 156-158 164-165 169-177 180-182 191 194-195 197-203 208-211',
    not61: '174',
    also72: '17',
  },
  {
    type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    ids: '1-3 5-8 12 14-17 25 35 37 42 46 49 57 64 80-81 84-89 93-94 99 105-108 112-115 118 120 122-123 125 130-134 136-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 186-187 194-203 208-211',
    not61: '37 120',
    also72: '22 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    attachTypes: [
      'BPF_CGROUP_INET4_BIND',
      'BPF_CGROUP_INET6_BIND',
      'BPF_CGROUP_UDP4_SENDMSG',
      'BPF_CGROUP_UDP6_SENDMSG',
      'BPF_CGROUP_UNIX_CONNECT',
      'BPF_CGROUP_UNIX_SENDMSG',
    ],
    ids: '1-3 5-8 12 14-17 25 35 37 42 46 49 57 80-81 84-89 93-94 99 105-108 112-115 118 120 122-123 125 130-134 136-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 186-187 194-203 208-211',
    not61: '37 120',
    also72: '22 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    attachTypes: [
      'BPF_CGROUP_INET4_GETPEERNAME',
      'BPF_CGROUP_INET6_GETPEERNAME',
      'BPF_CGROUP_INET4_GETSOCKNAME',
      'BPF_CGROUP_INET6_GETSOCKNAME',
      'BPF_CGROUP_UDP4_RECVMSG',
      'BPF_CGROUP_UDP6_RECVMSG',
      'BPF_CGROUP_UNIX_RECVMSG',
    ],
    ids: '1-3 5-8 12 14-17 25 35 37 42 46 49 57 80-81 84-89 93-94 99 105-108 112-115 118 120 122-123 125 130-134 136-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 194-203 208-211',
    not61: '37 120',
    also72: '22 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    attachTypes: ['BPF_CGROUP_UNIX_GETPEERNAME', 'BPF_CGROUP_UNIX_GETSOCKNAME'],
    ids: '1-3 5-8 12 14-17 25 35 37 42 46 80-81 84-89 93-94 99 105-108 112-115 118 120 122-123 125 130-134 136-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 194-203 208-211',
    not61: '37 120',
    also72: '22 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_LWT_SEG6LOCAL',
    ids: '1-3 5-8 12 14 17 24-26 28 33-35 42 74-76 80 87-89 93-94 105-106 112-115 118 120 123 125 130-134 136-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 194-203 208-211',
    not61: '14 80 120 123',
    also72: '15-16 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_SK_REUSEPORT',
    ids: '1-3 5-8 12 14 26 35 42 46 68 80 82 87-89 93-94 105-106 112-115 118 120 123 125 130-134 149 153-154 158 160 164-165 169-172 175 177 181-182 194-195 197-203 208-211',
    not61: '14 80 120 123',
    also72: '15-17 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_FLOW_DISSECTOR',
    ids: '1-3 5-8 12 14 26 35 42 80 87-89 93-94 105-106 112-115 118 120 123 125 130-134 136-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 194-203 208-211',
    not61: '14 80 120 123',
    also72: '15-17 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_CGROUP_SYSCTL',
    ids: '1-3 5-8 12 14-17 25 35 37 42 80-81 87-89 93-94 101-106 112-115 118 120 123 125 130-134 149 153-154 158 160 164-165 169-172 175 177 181-182 186-187 194-195 197-203 208-211',
    not61: '37 120',
    also72: '22 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_CGROUP_SYSCTL',
    attachTypes: [NO_ATTACH_TYPE],
    ids: '1-3 5-8 12 14-17 25 35 37 42 80-81 87-89 93-94 101-106 112-115 118 120 123 125 130-134 149 153-154 158 160 164-165 169-172 175 177 181-182 194-195 197-203 208-211',
    not61: '37 120',
    also72: '22 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE',
    ids: '1-8 12 14-16 22 25 27 35-37 42 45 55 67 80 87-89 93-94 105-106 109 112-115 117-118 120 123 125 130-134 141 148-149 153-154 156-158 164-165 169-177 180-182 191 194-195 197-203 208-211',
    not61: '174',
    also72: '17',
  },
  {
    type: 'BPF_PROG_TYPE_CGROUP_SOCKOPT',
    ids: '1-3 5-8 12 14-17 25 35 37 42 80-81 87-89 93-94 96 105-108 112-115 118 120 122-123 125 130-134 149 153-154 158 164-165 169-172 175 177 181-182 186-187 194-195 197-203 208-211',
    not61: '37 120',
    also72: '22 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_CGROUP_SOCKOPT',
    attachTypes: ['BPF_CGROUP_SETSOCKOPT'],
    ids: '1-3 5-8 12 14-17 25 35 37 42 49 57 80-81 87-89 93-94 96 105-108 112-115 118 120 122-123 125 130-134 149 153-154 158 164-165 169-172 175 177 181-182 186-187 194-195 197-203 208-211',
    not61: '37 120',
    also72: '22 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_SK_LOOKUP',
    ids: '1-3 5-8 12 14 25 35 42 80 86-89 93-94 105-106 112-115 118 120 123-125 130-134 136-140 149 153-154 158 160 164-165 169-172 175 177-178 181-182 194-203 208-211',
    not61: '14 80 120 123',
    also72: '15-17 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_SYSCALL',
    ids: '1-8 12 14-16 22 25 27 35-37 42 45-46 55 67 80 87-89 93-94 105-109 111-115 117-118 120-121 123 125 130-134 136-141 147-149 153-154 156-158 162 164-173 175-182 188 191 194-203 208-211',
    also72: '17',
  },
  {
    type: 'BPF_PROG_TYPE_TRACING',
    ids: '1-8 12 14-16 22 25 27 35-37 42 45-46 55 67 80 87-89 93-94 105-109 111-115 117-118 120-121 123 125 130-134 136-141 147-149 153-154 156-158 162 164-165 169-178 180-185 188 191 194-203 208-211',
    also72: '17',
  },
  {
    type: 'BPF_PROG_TYPE_TRACING',
    attachTypes: ['BPF_TRACE_RAW_TP'],
    ids: '1-8 12 14-16 22 25 27 35-37 42 45-46 55 67 80 87-89 93-94 105-109 111-115 117-118 120-121 123 125 130-134 136-141 147-149 153-154 156-158 162 164-165 169-178 180-182 188 191 194-203 208-211',
    not61: '174',
    also72: '17 183 185',
  },
  {
    type: 'BPF_PROG_TYPE_TRACING',
    attachTypes: ['BPF_TRACE_ITER'],
    ids: '1-8 12 14-16 22 25 27 35-37 42 45-46 55 67 80 87-89 93-94 105-109 111-115 117-118 120-121 123 125-127 130-134 136-141 147-150 153-154 156-158 162 164-165 169-173 175-178 180-182 188 191 194-203 208-211',
    also72: '17',
  },
  {
    type: 'BPF_PROG_TYPE_LSM',
    ids: '1-8 12 14-16 22 25 27 35-37 42 45-46 55 67 80 87-89 93-94 105-109 111-115 117-118 120-121 123 125 130-134 136-141 145-149 153-154 156-159 161-162 164-165 169-178 180-185 188 191 193-203 208-211',
    also72: '17',
  },
  {
    type: 'BPF_PROG_TYPE_LSM',
    attachTypes: ['BPF_LSM_CGROUP'],
    ids: '1-8 12 14-16 22 25 27 35-37 42 45-46 55 67 80-81 87-89 93-94 105-109 111-115 117-118 120-121 123 125 130-134 136-141 145-149 153-154 156-159 161-162 164-165 169-173 175-178 180-182 186-188 191 193-203 208-211',
    also72: '17',
  },
  {
    type: 'BPF_PROG_TYPE_NETFILTER',
    ids: '1-3 5-8 12 14 35 42 80 87-89 93-94 105-106 112-115 118 120 123 125 130-134 149 153-154 158 164-165 169-172 175 177 181-182 194-195 197-203 208-211',
    also72: '15-17 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_STRUCT_OPS',
    ids: '1-3 5-8 12 14 35 42 80 87-89 93-94 105-106 112-115 118 120 123 125 130-134 149 153-154 158 164-165 169-172 175 177 181-182 194-195 197-203 208-211',
    not61: '14 80 120 123',
    also72: '15-17 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_STRUCT_OPS',
    attachTypes: ['tcp_congestion_ops'],
    ids: '1-3 5-8 12 14 35 42 49 57 80 87-89 93-94 105-108 112-116 118 120 123 125 130-134 149 153-154 158 160 164-165 169-172 175 177 181-182 194-195 197-203 208-211',
    not61: '14 80 120 123',
    also72: '15-17 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_STRUCT_OPS',
    attachTypes: ['tcp_congestion_ops.release'],
    ids: '1-3 5-8 12 14 35 42 80 87-89 93-94 105-108 112-116 118 120 123 125 130-134 149 153-154 158 160 164-165 169-172 175 177 181-182 194-195 197-203 208-211',
    not61: '14 80 120 123',
    also72: '15-17 22 37 55 109 117 141 148 156-157 176 180 191',
  },
  {
    type: 'BPF_PROG_TYPE_STRUCT_OPS',
    attachTypes: ['bpf_dummy_ops'],
    ids: '',
  },
];

/** The measured kernel whose column answers for a profile. */
const COLUMN: Readonly<Record<string, '61' | '612' | '72'>> = {
  '5.15': '61',
  '6.1': '61',
  '6.6': '612',
  '6.12': '612',
  '6.18': '72',
  '7.2': '72',
};

function expand(text: string | undefined): number[] {
  const ids: number[] = [];
  for (const part of (text ?? '').split(' ')) {
    if (part === '') continue;
    const [first = '0', last = first] = part.split('-');
    for (let id = Number(first); id <= Number(last); id++) ids.push(id);
  }
  return ids;
}

const cache = new Map<string, ReadonlySet<number>>();

function allowedIds(row: HelperProgramsRow, column: '61' | '612' | '72'): ReadonlySet<number> {
  const key = `${column} ${row.type} ${row.attachTypes?.join() ?? ''}`;
  let ids = cache.get(key);
  if (ids === undefined) {
    const set = new Set(expand(row.ids));
    if (column === '61') {
      for (const id of expand(row.also61)) set.add(id);
      for (const id of expand(row.not61)) set.delete(id);
    } else if (column === '72') {
      for (const id of expand(row.also72)) set.add(id);
      for (const id of expand(row.not72)) set.delete(id);
    }
    cache.set(key, (ids = set));
  }
  return ids;
}

/** Whether that kernel has the helper at all. */
export function kernelHasHelper(profile: Profile, id: number): boolean {
  const row = helperById(id);
  return row !== undefined && isSince(profile, row.since);
}

/** The prototype that holds for a program type (BPF_PROG_TYPE_…) on that kernel. */
export function helperPrototype(profile: Profile, row: HelperRow, type: string): HelperPrototype {
  const variant = row.variants?.find((v) => v.programs.includes(type.replace('BPF_PROG_TYPE_', '')));
  const { before, ...now }: Pick<HelperRow, 'before'> & HelperPrototype = variant ?? row;
  return before !== undefined && !isSince(profile, before.profile) ? before : now;
}

/**
 * Whether a program of that type may call the helper: `yes`, `no`, or `unknown` for program types that were not measured.
 * @param type BPF_PROG_TYPE_…
 * @param attachType expected attach type, if the program has one; of struct_ops programs `table.member`
 */
export function helperAllowed(
  profile: Profile,
  type: string,
  attachType: string | undefined,
  id: number,
): 'yes' | 'no' | 'unknown' {
  if (!kernelHasHelper(profile, id)) return 'no';
  const rows = HELPER_PROGRAMS.filter((row) => row.type === type);
  if (rows.length === 0) return 'unknown';
  const narrower = (name: string): HelperProgramsRow | undefined =>
    rows.find((r) => r.attachTypes?.includes(name));
  const row =
    (attachType === undefined
      ? undefined
      : (narrower(attachType) ?? narrower(attachType.split('.', 1)[0] ?? ''))) ?? rows[0];
  if (row === undefined) return 'unknown';
  return allowedIds(row, COLUMN[profile.name] ?? '612').has(id) ? 'yes' : 'no';
}
