/** Gives a type's references other ids: for parts of BTF that are moved into another list of types. */
import type { BtfType } from './types';

/** The same type, where the types that it refers to have other ids: `at(old)` is the new one. */
export function renumbered(type: BtfType, at: (id: number) => number): BtfType {
  switch (type.kind) {
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'typeTag':
    case 'func':
    case 'var':
    case 'declTag':
      return { ...type, type: at(type.type) };
    case 'array':
      return { ...type, type: at(type.type), indexType: at(type.indexType) };
    case 'struct':
    case 'union':
      return { ...type, members: type.members.map((member) => ({ ...member, type: at(member.type) })) };
    case 'funcProto':
      return {
        ...type,
        returnType: at(type.returnType),
        params: type.params.map((param) => ({ ...param, type: at(param.type) })),
      };
    case 'datasec':
      return { ...type, vars: type.vars.map((entry) => ({ ...entry, type: at(entry.type) })) };
    case 'void':
    case 'int':
    case 'enum':
    case 'fwd':
    case 'float':
      return type;
  }
}
