/**
 * What the system call BPF_PROG_TEST_RUN thinks of a run before the program begins, and the program types that it does not
 * simply run: tracing programs are not called but the functions that they could be attached to are.
 * Evidence: answers of 6.1, 6.12 and 7.2.
 */
import { ERRNO } from '../spec/errno';
import { OPCODES } from '../spec/opcodes';
import { progTypeByName } from '../spec/progTypes';
import type { ProgramSpec } from '../loader/objectSpec';

export interface TestRunAsked {
  readonly packet: Uint8Array | undefined;
  readonly ctx: Uint8Array | undefined;
  readonly repeat: number;
  readonly flags: number;
  readonly cpu: number;
}

export type TestRunVerdict =
  | { readonly kind: 'run' }
  | { readonly kind: 'refused'; readonly errno: number }
  /** The kernel's test functions are called, with what is attached to them; the program itself is not run. */
  | { readonly kind: 'entryFunctions' | 'modifyFunctions' };

const RUN: TestRunVerdict = { kind: 'run' };
const refused = (errno: number): TestRunVerdict => ({ kind: 'refused', errno });

/** Classes of instructions. */
const WIDE = 0;
const LOAD = 1;
const STORE_IMMEDIATE = 2;
const STORE = 3;
const ALU = 4;
const ALU64 = 7;

/** BPF_F_TEST_RUN_ON_CPU, for raw tracepoints; of packets of the stack, that a device summed them. */
const ON_CPU = 1;
const CHECKSUM_COMPLETE = 4;
const PACKET_BYTES_MIN = 14;
const WHOLE_PACKET_ATTACH_TYPES = ['BPF_XDP_DEVMAP', 'BPF_XDP_CPUMAP'];

/** `family` of a socket lookup, AF_INET and AF_INET6. */
const LOOKUP_FAMILY = 8;
const ADDRESS_FAMILIES = [2, 10];
/** `struct bpf_flow_keys`: of what the user hands over only the flags may be set. */
const FLOW_KEYS_BYTES = 56;
const FLOW_FLAGS = 48;

const wordOf = (bytes: Uint8Array, offset: number): number =>
  bytes.length < offset + 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);

function judgeFlowKeys(ctx: Uint8Array): number {
  if (ctx.subarray(FLOW_KEYS_BYTES).some((byte) => byte !== 0)) return ERRNO.E2BIG;
  const other = ctx.some((byte, i) => byte !== 0 && (i < FLOW_FLAGS || i >= FLOW_FLAGS + 4));
  return other ? ERRNO.EINVAL : 0;
}

const SIZES = [4, 2, 1, 8];

/**
 * How many bytes of its context the program's entry function reads or writes, as far as copies of the pointer in registers
 * tell; the user must give at least so many.
 */
export function contextBytesUsed(spec: ProgramSpec): number {
  const holders = new Set([1]);
  let used = 0;
  const end = spec.functions[1]?.insnIdx ?? spec.insns.length;
  for (const { code, dst, src, off } of spec.insns.slice(0, end)) {
    const kind = code & 7;
    const base = kind === LOAD ? src : kind === STORE || kind === STORE_IMMEDIATE ? dst : -1;
    if (holders.has(base)) used = Math.max(used, off + SIZES[(code >> 3) & 3]);
    if (code === OPCODES.mov64Reg.code && holders.has(src)) holders.add(dst);
    else if (kind === WIDE || kind === LOAD || kind === ALU || kind === ALU64) holders.delete(dst);
    if (code === OPCODES.callHelper.code) for (let r = 0; r <= 5; r++) holders.delete(r);
  }
  return used;
}

/** How the kernel takes a run of this program with these arguments. */
export function judgeTestRun(
  spec: ProgramSpec,
  asked: TestRunAsked,
  machine: { readonly cpuCount: number },
): TestRunVerdict {
  const { packet, ctx, repeat, flags, cpu } = asked;
  const testRun = progTypeByName(spec.type)?.testRun ?? 'none';
  switch (spec.type) {
    case 'BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE':
      return refused(ERRNO.ENOTSUPP);
    case 'BPF_PROG_TYPE_RAW_TRACEPOINT':
      // A context can be handed in, but not taken out again; whoever reads it needs one.
      if (packet !== undefined || ctx !== undefined || repeat !== 0 || contextBytesUsed(spec) > 0)
        return refused(ERRNO.EINVAL);
      if ((flags & ON_CPU) === 0) return cpu !== 0 ? refused(ERRNO.EINVAL) : RUN;
      return cpu >= machine.cpuCount ? refused(ERRNO.ENXIO) : RUN;
    case 'BPF_PROG_TYPE_TRACING':
      if (flags !== 0) return refused(ERRNO.EINVAL);
      if (spec.attachType === 'BPF_TRACE_FENTRY' || spec.attachType === 'BPF_TRACE_FEXIT')
        return { kind: 'entryFunctions' };
      if (spec.attachType === 'BPF_TRACE_FSESSION') return { kind: 'entryFunctions' };
      if (spec.attachType === 'BPF_MODIFY_RETURN') return { kind: 'modifyFunctions' };
      return refused(ERRNO.EFAULT);
    case 'BPF_PROG_TYPE_SYSCALL':
      if (packet !== undefined || repeat !== 0 || flags !== 0) return refused(ERRNO.EINVAL);
      return (ctx?.length ?? 0) < contextBytesUsed(spec) ? refused(ERRNO.EINVAL) : RUN;
    case 'BPF_PROG_TYPE_SK_LOOKUP':
      if (packet !== undefined || ctx === undefined) return refused(ERRNO.EINVAL);
      return ADDRESS_FAMILIES.includes(wordOf(ctx, LOOKUP_FAMILY)) ? RUN : refused(ERRNO.EAFNOSUPPORT);
    case 'BPF_PROG_TYPE_STRUCT_OPS':
      // The kernel's table for tests wants its arguments.
      return refused(spec.attachTo?.startsWith('test_') === true ? ERRNO.EINVAL : ERRNO.EOPNOTSUPP);
    case 'BPF_PROG_TYPE_LWT_SEG6LOCAL':
      return refused(ERRNO.ENOTSUPP);
    case 'BPF_PROG_TYPE_FLOW_DISSECTOR':
      if (ctx !== undefined) {
        const error = judgeFlowKeys(ctx);
        if (error !== 0) return refused(error);
      }
      break;
    case 'BPF_PROG_TYPE_XDP':
      if (WHOLE_PACKET_ATTACH_TYPES.includes(spec.attachType ?? '')) return refused(ERRNO.EINVAL);
      break;
    default:
      if (testRun === 'none') return refused(ERRNO.ENOTSUPP);
  }
  const known = spec.type === 'BPF_PROG_TYPE_XDP' ? 0 : CHECKSUM_COMPLETE;
  if ((flags & ~known) !== 0 || cpu !== 0) return refused(ERRNO.EINVAL);
  return (packet?.length ?? 0) < PACKET_BYTES_MIN ? refused(ERRNO.EINVAL) : RUN;
}
