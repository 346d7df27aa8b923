/**
 * What a program's section name says about it: type, attach type, target, sleepable. The table is `spec/sections.ts`.
 */
import { resolvedType, findType, typeById } from '../btf/query';
import { GUESS_BY_CONTEXT, GUESS_BY_PREFIX, sectionMeaning } from '../spec/sections';
import type { Problem } from '../util/problem';
import type { CodeFunction } from './code';
import type { LoadContext } from './context';
import type { ProgramSpec } from './objectSpec';

export type ProgramDescription = Pick<
  ProgramSpec,
  'name' | 'section' | 'type' | 'attachType' | 'attachTo' | 'sleepable' | 'autoload' | 'problem'
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
  return {
    name: main.name,
    section: full,
    type: row.type,
    attachType: row.attachType,
    attachTo,
    sleepable: row.sleepable === true,
    autoload,
  };
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
  const byPrefix = GUESS_BY_PREFIX.find(({ prefix }) => section.startsWith(prefix));
  if (byPrefix !== undefined) return byPrefix.type;
  if (/^\d[^/]*\//.test(section)) return 'BPF_PROG_TYPE_SCHED_CLS';
  const { btf } = context;
  const func = btf && typeById(btf, findType(btf, name, 'func'));
  const proto = btf && func?.kind === 'func' ? typeById(btf, func.type) : undefined;
  if (btf !== undefined && proto?.kind === 'funcProto' && proto.params.length > 0) {
    let type = resolvedType(btf, proto.params[0].type);
    while (type.kind === 'ptr') type = resolvedType(btf, type.type);
    if (type.kind === 'struct' && Object.hasOwn(GUESS_BY_CONTEXT, type.name))
      return GUESS_BY_CONTEXT[type.name];
  }
  return 'BPF_PROG_TYPE_SOCKET_FILTER';
}
