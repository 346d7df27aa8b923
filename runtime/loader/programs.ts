/**
 * What a program's section name says about it: type, attach type, target, sleepable. The table is `spec/sections.ts`.
 */
import { resolvedType, findType, typeById } from '../btf/query';
import {
  GUESS_BY_CONTEXT,
  GUESS_BY_OLD_PREFIX,
  GUESS_BY_PREFIX,
  sectionMeaning,
  type SectionRow,
} from '../spec/sections';
import type { Problem } from '../util/problem';
import type { CodeFunction } from './code';
import type { LoadContext } from './context';
import { hasLegacyMaps } from './legacyMaps';
import type { ProgramSpec } from './objectSpec';

export type ProgramDescription = Pick<
  ProgramSpec,
  | 'name'
  | 'section'
  | 'type'
  | 'attachType'
  | 'attachTo'
  | 'attachBtfId'
  | 'sleepable'
  | 'xdpFrags'
  | 'autoload'
  | 'problem'
>;

export function describeProgram(context: LoadContext, main: CodeFunction): ProgramDescription {
  const full = main.section.section.name;
  const autoload = !full.startsWith('?');
  const section = autoload ? full : full.slice(1);
  const meaning = sectionMeaning(section);
  if (meaning === undefined) {
    const guessed = context.options.relaxed === true;
    return {
      name: main.name,
      section: full,
      type: guessed ? guessType(context, main.name, section) : 'BPF_PROG_TYPE_UNSPEC',
      sleepable: false,
      autoload,
      problem: guessed ? undefined : unknownSection(context, main, full),
    };
  }
  const { row, attachTo } = meaning;
  const target = row.attachBtf === true ? attachTarget(context, main, row, attachTo) : {};
  // A replacement needs the program it replaces; relaxed loading judges it by its context instead.
  const isReplacement = row.type === 'BPF_PROG_TYPE_EXT' && context.options.relaxed === true;
  return {
    name: main.name,
    section: full,
    type: isReplacement ? guessType(context, main.name, section) : row.type,
    attachType: row.attachType,
    attachTo,
    sleepable: row.sleepable === true,
    xdpFrags: row.xdpFrags,
    autoload,
    ...(isReplacement ? {} : target),
  };
}

/** How the kernel's BTF names what a program of that kind attaches to. */
function targetName(
  row: SectionRow,
  attachTo: string,
): { readonly name: string; readonly kind: 'func' | 'typedef' } {
  switch (row.attachType) {
    case 'BPF_TRACE_RAW_TP':
      return { name: `btf_trace_${attachTo}`, kind: 'typedef' };
    case 'BPF_LSM_MAC':
    case 'BPF_LSM_CGROUP':
      return { name: `bpf_lsm_${attachTo}`, kind: 'func' };
    case 'BPF_TRACE_ITER':
      return { name: `bpf_iter_${attachTo}`, kind: 'func' };
    default:
      return { name: attachTo, kind: 'func' };
  }
}

function attachTarget(
  context: LoadContext,
  main: CodeFunction,
  row: SectionRow,
  attachTo: string | undefined,
): Pick<ProgramSpec, 'attachBtfId' | 'problem'> {
  const problem = (code: string, message: string, remedy: string): Pick<ProgramSpec, 'problem'> => ({
    problem: { code, message: `program '${main.name}': ${message}`, place: { file: context.file }, remedy },
  });
  const stem = row.name.slice(0, -1);
  if (attachTo === undefined || attachTo === '') {
    return problem(
      'no-attach-target',
      'no BTF-based attach target is specified',
      `Name the target in the section: SEC("${stem}/…").`,
    );
  }
  if (row.type === 'BPF_PROG_TYPE_EXT') {
    return problem(
      'no-attach-program',
      'it replaces a function of another program, which is not loaded',
      'Load it together with that program.',
    );
  }
  const kernel = context.options.kernelBtf;
  if (kernel === undefined) {
    return problem(
      'kernel-btf-missing',
      `its attach target '${attachTo}' is looked up in the kernel's BTF, and there is none`,
      'Give the BTF of a kernel with --btf FILE (for example a copy of /sys/kernel/btf/vmlinux).',
    );
  }
  const { name, kind } = targetName(row, attachTo);
  const attachBtfId = findType(kernel, name, kind);
  if (attachBtfId !== 0) return { attachBtfId };
  return problem(
    'attach-target-missing',
    `failed to find kernel BTF type ID of '${attachTo}'`,
    `This kernel has no '${name}' (it may be inlined, renamed or in a module): choose another target or kernel.`,
  );
}

function unknownSection(context: LoadContext, main: CodeFunction, section: string): Problem {
  return {
    code: 'unknown-program-section',
    message: `program '${main.name}': missing BPF prog type, check ELF section name '${section}'`,
    place: { file: context.file, offset: main.section.section.fileOffset },
    remedy: `Give the function a section that says its type, such as SEC("xdp"), SEC("tc") or SEC("fentry/…").`,
  };
}

/** The type that relaxed loading gives a program whose section name means nothing today. */
function guessType(context: LoadContext, name: string, section: string): string {
  const { btf } = context;
  const old = btf === undefined || hasLegacyMaps(context);
  // Objects of tc and of XDP shared their section names; then the file's name is all that tells.
  const shared = old && context.file.includes('xdp', context.file.lastIndexOf('/') + 1);
  const byDefault = shared ? 'BPF_PROG_TYPE_XDP' : 'BPF_PROG_TYPE_SCHED_CLS';
  if (/^\d[^/]*\//.test(section) || (old && section === 'from-netdev')) return byDefault;
  const rows = old ? GUESS_BY_OLD_PREFIX : GUESS_BY_PREFIX;
  const byPrefix = rows.find(({ prefix }) => section.startsWith(prefix));
  if (byPrefix !== undefined) return byPrefix.type;
  if (old) return byDefault;
  const func = typeById(btf, findType(btf, name, 'func'));
  const proto = func?.kind === 'func' ? typeById(btf, func.type) : undefined;
  if (proto?.kind === 'funcProto' && proto.params.length > 0) {
    let type = resolvedType(btf, proto.params[0].type);
    while (type.kind === 'ptr') type = resolvedType(btf, type.type);
    if (type.kind === 'struct' && Object.hasOwn(GUESS_BY_CONTEXT, type.name))
      return GUESS_BY_CONTEXT[type.name];
  }
  return 'BPF_PROG_TYPE_SOCKET_FILTER';
}
