/**
 * Load attributes of bare programs, as the kernel checks them: before the first look at an instruction, and
 * what a number in the kernel's BTF may be attached to. Programs of objects need little of it: their loader sets all
 * this from section names. Facts: `spec/loadAttributes.ts`.
 * Evidence: measured on 6.1, 6.12 and 7.2.
 */
import { typeById } from '../btf/query';
import type { LoadAttributes } from '../loader/objectSpec';
import { ATTACH_TYPES, NO_ATTACH_TYPE, type AttachTypeRow } from '../spec/attachTypes';
import { ERRNO } from '../spec/errno';
import {
  ATTACH_RULES,
  BTF_ATTACHED,
  BTF_ID_MAX,
  KNOWN_PROGRAM_FLAGS,
  MULTI_ATTACH_TYPES,
  PROGRAM_FLAGS,
} from '../spec/loadAttributes';
import { isSince } from '../spec/profile';
import { reject, unknown, type VerifierEnv } from './env';
import { EINVAL } from './outcome';

const refuse = (env: VerifierEnv, code: string, message: string, errno: number = EINVAL): never =>
  reject(env, { code, category: 'Policy', errno, message, insn: -1 });

/** Flags and attach type; refusals have no words. */
export function checkLoadAttributes(env: VerifierEnv): void {
  const { load, attachType } = env.program;
  if (load === undefined) {
    // A loader that made no sense of the section's name gives none, which is 0.
    const row: AttachTypeRow | undefined = ATTACH_TYPES.find(
      ({ name }) => name === (attachType ?? NO_ATTACH_TYPE),
    );
    checkAttachRule(
      env,
      row?.id ?? 0,
      row !== undefined && isSince(env.profile, row.since) ? row.name : undefined,
    );
    return;
  }
  const known = KNOWN_PROGRAM_FLAGS.filter((row) => isSince(env.profile, row.since)).at(-1);
  if ((load.flags & ~(known?.flags ?? 0)) !== 0) refuse(env, 'load-flags', '');
  if ((load.flags & PROGRAM_FLAGS.tokenFd) !== 0) refuse(env, 'load-flags', '');
  if (env.insns.length === 0) refuse(env, 'empty-program', '', ERRNO.E2BIG);
  if (load.programType === undefined) refuse(env, 'program-type-missing', '');
  checkAttachType(env, load);
}

function checkAttachType(env: VerifierEnv, load: LoadAttributes): void {
  const { type } = env.program;
  const attach: AttachTypeRow | undefined = ATTACH_TYPES.find((row) => row.id === load.attachType);
  const name = attach !== undefined && isSince(env.profile, attach.since) ? attach.name : undefined;
  if (load.attachBtfId !== 0 && (load.attachBtfId > BTF_ID_MAX || !BTF_ATTACHED.has(type)))
    refuse(env, 'load-attach-type', '');
  if (name !== undefined && MULTI_ATTACH_TYPES.has(name)) {
    if (type !== 'BPF_PROG_TYPE_TRACING' || load.attachBtfId !== 0) refuse(env, 'load-attach-type', '');
    return;
  }
  checkAttachRule(env, load.attachType, name);
}

function checkAttachRule(env: VerifierEnv, attachType: number, name: string | undefined): void {
  const { type } = env.program;
  if (!Object.hasOwn(ATTACH_RULES, type)) return;
  const { types, zeroIs } = ATTACH_RULES[type];
  if (attachType === 0 && zeroIs !== undefined) return;
  if (name === undefined || !types.includes(name)) refuse(env, 'load-attach-type', '');
}

/** Programs that attach to something of the kernel: a number must be there, and be of the right kind. */
export function checkAttachTarget(env: VerifierEnv): void {
  const { program } = env;
  const { load } = program;
  if (load === undefined || !BTF_ATTACHED.has(program.type) || program.type === 'BPF_PROG_TYPE_STRUCT_OPS')
    return;
  const id = load.attachBtfId;
  const attach = ATTACH_TYPES.find((row): boolean => row.name === program.attachType) as
    AttachTypeRow | undefined;
  const known = isSince(env.profile, attach?.since);
  if (known && attach !== undefined && MULTI_ATTACH_TYPES.has(attach.name))
    return unknown(env, 'programs for many functions at once');
  if (id === 0) refuse(env, 'attach-number', 'Tracing programs must provide btf_id');
  if (program.type === 'BPF_PROG_TYPE_EXT') refuse(env, 'attach-number', 'Cannot replace kernel functions');
  const kernel = env.kernelBtf;
  if (kernel === undefined) return unknown(env, 'kernel type information (attach_btf_id)');
  if (id >= kernel.types.length || (kernel.modulesFrom !== undefined && id >= kernel.modulesFrom))
    refuse(env, 'attach-number', `attach_btf_id ${id} is invalid`);
  const type = typeById(kernel, id);
  if (!known) refuse(env, 'load-attach-type', '');
  switch (program.attachType) {
    case 'BPF_TRACE_RAW_TP':
      if (type.kind !== 'typedef') refuse(env, 'attach-number', `attach_btf_id ${id} is not a typedef`);
      if (!type.name.startsWith('btf_trace_'))
        refuse(env, 'attach-number', `attach_btf_id ${id} points to wrong type name ${type.name}`);
      return;
    case 'BPF_TRACE_FSESSION':
    case 'BPF_TRACE_ITER':
    case 'BPF_MODIFY_RETURN':
    case 'BPF_LSM_MAC':
    case 'BPF_LSM_CGROUP':
    case 'BPF_TRACE_FENTRY':
    case 'BPF_TRACE_FEXIT':
      if (type.kind !== 'func') refuse(env, 'attach-number', `attach_btf_id ${id} is not a function`);
      break;
    default:
      refuse(env, 'load-attach-type', '');
  }
}
