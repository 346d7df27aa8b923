/**
 * Programs that implement a member of one of the kernel's operation tables (struct_ops): whether the member may be implemented so,
 * its prototype, which arguments may be NULL, and where a program may store through them.
 * Not here: the table's facts (`spec/structOps.ts`), the object's side (`loader/structOps.ts`).
 * Evidence: recorded answers of 6.1, 6.12 and 7.2.
 */
import { findType, resolvedType, resolveModifiers } from '../btf/query';
import type { Btf, BtfMember } from '../btf/types';
import { NO_ATTACH_TYPE } from '../spec/attachTypes';
import { ERRNO } from '../spec/errno';
import { isSince } from '../spec/profile';
import { structOpsByTable, type StructOpsRow, type WritableMember } from '../spec/structOps';
import { assert } from '../util/assert';
import { isTailCall } from './callKinds';
import { hasFeature, reject, unknown, type VerifierEnv } from './env';
import { isGplCompatible } from './licences';
import { EACCES, EINVAL } from './outcome';
import { acquireReference } from './references';
import type { RegState } from './regState';

export interface ImplementedMember {
  readonly row: StructOpsRow;
  readonly name: string;
  readonly params: readonly { readonly name: string; readonly type: number }[];
  readonly returnType: number;
}

const STRUCT_OPS = 'BPF_PROG_TYPE_STRUCT_OPS';
const READ_ONLY = 'only read is supported';
/** What kernels also say of stores that no program may do. */
const SHARED = /^(?:only read is supported|access beyond struct)/;

/** The table's struct and the member in it, as far as the kernel's BTF has them. */
function memberOf(env: VerifierEnv): { table: string; member: BtfMember | undefined } {
  const btf = env.kernelBtf;
  const { attachBtfId, memberIndex } = env.program;
  if (btf === undefined) return unknown(env, 'kernel type information (operation tables)');
  if (attachBtfId === undefined || memberIndex === undefined) return unknown(env, 'the operation table');
  const type = btf.types[attachBtfId];
  if (type?.kind !== 'struct') return { table: '', member: undefined };
  return { table: type.name, member: type.members[memberIndex] };
}

/** The function prototype that a member points at. */
function protoOf(
  btf: Btf,
  member: BtfMember,
): Extract<Btf['types'][number], { kind: 'funcProto' }> | undefined {
  const pointer = resolvedType(btf, member.type);
  const target = pointer.kind === 'ptr' ? resolvedType(btf, pointer.type) : undefined;
  return target?.kind === 'funcProto' ? target : undefined;
}

/** What the program implements; undefined for programs of other types. Only after `checkStructOps`. */
export function implementedMember(env: VerifierEnv): ImplementedMember | undefined {
  if (env.program.type !== STRUCT_OPS || env.kernelBtf === undefined) return undefined;
  const { table, member } = memberOf(env);
  const row = structOpsByTable(table);
  const proto = member && protoOf(env.kernelBtf, member);
  if (row === undefined || member === undefined || proto === undefined) return undefined;
  return { row, name: member.name, params: proto.params, returnType: proto.returnType };
}

/** Name of the table's member for the table of helpers; other programs: their attach type. */
export function helperScope(env: VerifierEnv): string | undefined {
  const implemented = implementedMember(env);
  if (implemented !== undefined) return `${implemented.row.table}.${implemented.name}`;
  const { attachType, load } = env.program;
  return attachType ?? (load?.attachType === 0 ? NO_ATTACH_TYPE : undefined);
}

/** Before the walk: may this member be implemented, by this program? */
export function checkStructOps(env: VerifierEnv): void {
  const refuse = (code: string, message: string, errno: number = EINVAL): never =>
    reject(env, { code, category: 'Policy', errno, message, insn: -1 });
  if (!isGplCompatible(env.object.license))
    refuse('struct-ops-needs-gpl', 'struct ops programs must have a GPL compatible license');
  const { attachBtfId = 0, memberIndex = 0 } = env.program;
  if (env.object.bare === true && attachBtfId === 0) {
    const words = env.features.attachmentCheckedLate ? '' : 'attach_btf_id 0 is not a supported struct';
    refuse('struct-ops-table', words, ERRNO.ENOTSUPP);
  }
  const { table, member } = memberOf(env);
  const btf = env.kernelBtf;
  if (btf === undefined || findType(btf, `bpf_struct_ops_${table}`, 'struct') === 0) {
    return refuse(
      'struct-ops-table',
      `attach_btf_id ${attachBtfId} is not a supported struct`,
      ERRNO.ENOTSUPP,
    );
  }
  const row = structOpsByTable(table);
  if (row === undefined) return unknown(env, `programs for struct ${table}`);
  if (member === undefined)
    return refuse('struct-ops-member', `attach to invalid member idx ${memberIndex} of struct ${table}`);
  const { name } = member;
  if (protoOf(btf, member) === undefined)
    refuse('struct-ops-member', `attach to invalid member ${name}(@idx ${memberIndex}) of struct ${table}`);
  const closed = row.unsupported.includes(name);
  const sleeps = env.program.sleepable && row.sleepable !== 'all' && !row.sleepable.includes(name);
  if (closed || sleeps) {
    refuse(
      'struct-ops-member',
      `attach to unsupported member ${name} of struct ${table}`,
      closed ? ERRNO.ENOTSUPP : EINVAL,
    );
  }
  checkNoTailCall(env);
}

/** What the program owns at entry would be lost in another program. */
function checkNoTailCall(env: VerifierEnv): void {
  const implemented = implementedMember(env);
  if (implemented === undefined || !ownsArgument(env, implemented)) return;
  const end = env.subprogs[1]?.start ?? env.insns.length;
  if (!env.insns.slice(0, end).some((insn) => isTailCall(insn))) return;
  reject(env, {
    code: 'stack-arguments',
    category: 'Policy',
    errno: EINVAL,
    message: 'program with __ref argument cannot tail call',
    insn: -1,
  });
}

/** What the kernel's own stand-in for the member says of an argument by its name. */
function argumentMarked(
  env: VerifierEnv,
  implemented: ImplementedMember,
  index: number,
  suffix: string,
): boolean {
  const { stub } = implemented.row;
  const btf = env.kernelBtf;
  if (stub === undefined || btf === undefined || !hasFeature(env, 'structOpsSleep')) return false;
  const func = btf.types[findType(btf, stub.replace('#', implemented.name), 'func')];
  const proto = func?.kind === 'func' ? btf.types[func.type] : undefined;
  return proto?.kind === 'funcProto' && proto.params[index]?.name.endsWith(suffix) === true;
}

/** Whether the kernel passes NULL for an argument at times. */
export const mayBeNullArgument = (env: VerifierEnv, implemented: ImplementedMember, index: number): boolean =>
  argumentMarked(env, implemented, index, '__nullable');

/** Whether the program owns what the argument points at: it must release it, hand it on or return it. */
export const isOwnedArgument = (env: VerifierEnv, implemented: ImplementedMember, index: number): boolean =>
  argumentMarked(env, implemented, index, '__ref');

const ownsArgument = (env: VerifierEnv, implemented: ImplementedMember): boolean =>
  implemented.params.some((_, index) => isOwnedArgument(env, implemented, index));

/** Reference of the argument that the program owns: the first that there is. */
export const OWNED_ARGUMENT = 1;

/** At entry of the main program: a reference for the argument that the program comes to own. */
export function ownArguments(env: VerifierEnv): void {
  const implemented = implementedMember(env);
  if (implemented === undefined) return;
  if (!ownsArgument(env, implemented)) return;
  const id = acquireReference(env, 0);
  assert(id === OWNED_ARGUMENT, 'nothing was acquired before the program began');
}

/** What a member that returns a pointer may return: NULL, or an object that it owns. */
export function returnsObject(env: VerifierEnv, reg: RegState): 'object' | 'null' | undefined {
  const implemented = implementedMember(env);
  const btf = env.kernelBtf;
  if (implemented === undefined || btf === undefined || !hasFeature(env, 'operationsReturnObjects'))
    return undefined;
  const type = resolvedType(btf, implemented.returnType);
  if (type.kind !== 'ptr') return undefined;
  const same =
    reg.type === 'btfId' && reg.btfOf === 'kernel' && reg.btfId === resolveModifiers(btf, type.type);
  return same && reg.refObjId !== 0 ? 'object' : 'null';
}

/** Byte range of a member, or of a member of a member. */
function rangeOf(btf: Btf, struct: string, path: string): { start: number; end: number } | undefined {
  let type = btf.types[findType(btf, struct, 'struct')];
  let start = 0;
  const names = path.split('.');
  for (const [depth, name] of names.entries()) {
    if (type?.kind !== 'struct' && type?.kind !== 'union') return undefined;
    const found = memberIn(btf, type.members, name);
    if (found === undefined) return undefined;
    const { member } = found;
    start += Math.floor(found.offsetBits / 8);
    if (depth === names.length - 1) return { start, end: start + sizeBytes(btf, member) };
    type = resolvedType(btf, member.type);
  }
  return undefined;
}

/** A member by name, also inside anonymous members. */
function memberIn(
  btf: Btf,
  members: readonly BtfMember[],
  name: string,
): { readonly member: BtfMember; readonly offsetBits: number } | undefined {
  for (const member of members) {
    if (member.name === name) return { member, offsetBits: member.offsetBits };
    const inner = member.name === '' ? resolvedType(btf, member.type) : undefined;
    if (inner?.kind !== 'struct' && inner?.kind !== 'union') continue;
    const found = memberIn(btf, inner.members, name);
    if (found !== undefined) return { ...found, offsetBits: member.offsetBits + found.offsetBits };
  }
  return undefined;
}

/** Byte range of a member that a program may store to. */
function writableRange(
  btf: Btf,
  struct: string,
  member: WritableMember,
): { start: number; end: number } | undefined {
  const range = rangeOf(btf, member.from ?? struct, member.name);
  if (range === undefined || member.holds === undefined) return range;
  const held = rangeOf(btf, member.holds.struct, member.holds.member);
  return held && { start: range.start + held.start, end: range.start + held.end };
}

function sizeBytes(btf: Btf, member: BtfMember): number {
  if (member.bitfieldSizeBits !== 0) return Math.ceil(member.bitfieldSizeBits / 8);
  const type = resolvedType(btf, member.type);
  if (type.kind === 'array') {
    const element = resolvedType(btf, type.type);
    return type.count * ('sizeBytes' in element ? element.sizeBytes : 8);
  }
  return 'sizeBytes' in type ? type.sizeBytes : 8;
}

/** A store to `struct name` at `off` by a program of a type that may write some kernel structs. */
export function checkStructWrite(
  env: VerifierEnv,
  access: { readonly regno: number; readonly sizeBytes: number },
  reg: RegState,
  name: string,
  off: number,
): void {
  const refuse = (older: string): never =>
    reject(env, {
      code:
        SHARED.test(older) && !hasFeature(env, 'structWriteText')
          ? 'kernel-struct-access'
          : 'kernel-struct-write',
      category: 'Memory Safety',
      errno: EACCES,
      message: hasFeature(env, 'structWriteText')
        ? `R${access.regno} cannot write into ptr_${name} at off=${off} size=${access.sizeBytes}`
        : older,
      registers: [access.regno],
      facts: { struct: name, off },
    });
  const btf = env.kernelBtf;
  const implemented = implementedMember(env);
  if (btf === undefined || implemented === undefined) {
    // what is left are programs on packets: with the module for connection tracking, they may mark a connection
    const tracking = btf === undefined ? undefined : rangeOf(btf, 'nf_conn', 'mark');
    if (tracking === undefined) return refuse('');
    if (name !== 'nf_conn' && name !== 'nf_conn___init') return refuse(READ_ONLY);
    if (off !== tracking.start) return refuse(`no write support to nf_conn at off ${off}`);
    if (off + access.sizeBytes <= tracking.end) return;
    return refuse(
      `write access at off ${off} with size ${access.sizeBytes} beyond the member of nf_conn ended at ${tracking.end}`,
    );
  }
  const { row } = implemented;
  const allowed = row.writable.find(({ struct }) => struct === name);
  const end = off + access.sizeBytes;
  if (row.refusal === 'onlyDummyState') {
    if (allowed === undefined) refuse('only access to bpf_dummy_ops_state is supported');
    const type = btf.types[reg.btfId];
    if (type?.kind === 'struct' && end > type.sizeBytes) {
      refuse(
        hasFeature(env, 'structOpsSleep')
          ? `write access at off ${off} with size ${access.sizeBytes}`
          : `access beyond struct ${name} at off ${off} size ${access.sizeBytes}`,
      );
    }
    return;
  }
  const silent = row.refusal === 'silent';
  if (allowed === undefined) return refuse(silent ? '' : READ_ONLY);
  for (const member of allowed.members) {
    if (!isSince(env.profile, member.since)) continue;
    const range = writableRange(btf, allowed.struct, member);
    if (range === undefined || off < range.start || off >= range.end) continue;
    if (off !== range.start && member.inside !== true) continue;
    if (end <= range.end) return;
    refuse(
      silent
        ? ''
        : `write access at off ${off} with size ${access.sizeBytes} beyond the member of ${name} ended at ${range.end}`,
    );
  }
  refuse(silent ? '' : `no write support to ${name} at off ${off}`);
}
