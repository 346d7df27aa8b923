/** C spelling of a BTF type as debuggers show it: `struct beat *`, `char[8]`, `int (*)(void *)`. */
import type { Btf } from '../btf/types';
import { typeById } from '../btf/query';

/** @param inner what stands where the declared name would: stars, brackets, parameters. */
export function typeText(types: Btf, id: number, inner = '', depth = 0): string {
  const named = (base: string): string =>
    inner === '' || inner.startsWith('[') ? base + inner : `${base} ${inner}`;
  if (depth > 32) return named('…');
  const type = typeById(types, id);
  switch (type.kind) {
    case 'void':
      return named('void');
    case 'ptr': {
      const target = typeById(types, type.type).kind;
      const wrap = target === 'array' || target === 'funcProto';
      return typeText(types, type.type, wrap ? `(*${inner})` : `*${inner}`, depth + 1);
    }
    case 'array':
      return typeText(types, type.type, `${inner}[${type.count}]`, depth + 1);
    case 'funcProto': {
      const params = type.params.map((p) => (p.type === 0 ? '...' : typeText(types, p.type, '', depth + 1)));
      return typeText(types, type.returnType, `${inner}(${params.join(', ') || 'void'})`, depth + 1);
    }
    case 'const':
    case 'volatile':
    case 'restrict': {
      // A qualified pointer has the word behind its star, everything else in front.
      if (typeById(types, type.type).kind === 'ptr')
        return typeText(types, type.type, ` ${type.kind}${inner === '' ? '' : ' ' + inner}`, depth + 1);
      return `${type.kind} ${typeText(types, type.type, inner, depth + 1)}`;
    }
    case 'typeTag':
    case 'var':
      return typeText(types, type.type, inner, depth + 1);
    case 'struct':
    case 'union':
    case 'enum':
      return named(`${type.kind} ${type.name || '{…}'}`);
    case 'fwd':
      return named(`${type.of} ${type.name}`);
    case 'func':
      return typeText(types, type.type, type.name, depth + 1);
    default:
      return named(type.name);
  }
}
