/**
 * The C spelling of BTF types: `struct beat *`, `int (*)(void *, int)`, and of declarations with a name inside.
 * Type tags are not C and are left out.
 */
import { typeById } from './query';
import type { Btf, BtfType } from './types';

/** How the type at the end of a declarator is spelled; replaced by the header generator for anonymous types. */
export type BaseSpelling = (id: number) => string;

/** `struct beat *` for a type alone. */
export const typeName = (btf: Btf, id: number): string => declaration(btf, id, '');

/**
 * A declaration without the semicolon: `int (*handler)(void *)`. With an empty name, the type's own spelling.
 * @param base spells what no declarator is made of (structs, integers, typedefs …).
 */
export function declaration(
  btf: Btf,
  id: number,
  name: string,
  base: BaseSpelling = (baseId) => baseName(typeById(btf, baseId)),
): string {
  return spell(btf, id, name, base, { parts: MAX_PARTS, depth: 0 });
}

/** A prototype may take a pointer to itself, or share its parts without end; C cannot say that, and neither do we. */
const MAX_PARTS = 5000;
const MAX_PROTOTYPE_DEPTH = 30;

function spell(
  btf: Btf,
  id: number,
  name: string,
  base: BaseSpelling,
  budget: { parts: number; depth: number },
): string {
  if (--budget.parts < 0 || budget.depth > MAX_PROTOTYPE_DEPTH) return name === '' ? '…' : `… ${name}`;
  let declarator = name;
  let qualifiers = '';
  let afterPointer = false;
  for (let at = id; ;) {
    const type = typeById(btf, at);
    switch (type.kind) {
      case 'const':
      case 'volatile':
      case 'restrict':
        // The same qualifier twice (through a typedef's expansion) is harmless but ugly.
        if (!qualifiers.includes(type.kind)) qualifiers = `${type.kind} ${qualifiers}`;
        at = type.type;
        break;
      case 'typeTag':
        at = type.type;
        break;
      case 'ptr': {
        // The standard's word in kernel C modes, and valid where `restrict` is not.
        const words = qualifiers.replace('restrict', '__restrict').trim();
        declarator = '*' + (words === '' ? declarator : declarator === '' ? words : `${words} ${declarator}`);
        qualifiers = '';
        afterPointer = true;
        at = type.type;
        break;
      }
      case 'array':
        declarator = `${afterPointer ? `(${declarator})` : declarator}[${type.count}]`;
        afterPointer = false;
        at = type.type;
        break;
      case 'funcProto': {
        budget.depth++;
        const params = type.params.map((param) => parameter(btf, param, base, budget));
        budget.depth--;
        declarator = `${afterPointer ? `(${declarator})` : declarator}(${params.join(', ') || 'void'})`;
        afterPointer = false;
        // Qualifiers of a function type mean nothing.
        qualifiers = '';
        at = type.returnType;
        break;
      }
      case 'func':
      case 'var':
        at = type.type;
        break;
      default: {
        const words = qualifiers.replace('restrict ', '') + base(at);
        return declarator === '' || declarator.startsWith('[')
          ? words + declarator
          : `${words} ${declarator}`;
      }
    }
  }
}

function parameter(
  btf: Btf,
  param: { readonly name: string; readonly type: number },
  base: BaseSpelling,
  budget: { parts: number; depth: number },
): string {
  // A nameless void parameter is how BTF writes the dots.
  return param.type === 0 ? '...' : spell(btf, param.type, param.name, base, budget);
}

/** `struct beat`, `unsigned int`, `u32`; anonymous types as `struct {…}`. */
export function baseName(type: BtfType): string {
  switch (type.kind) {
    case 'void':
      return 'void';
    case 'struct':
    case 'union':
    case 'enum':
      return `${type.kind} ${type.name === '' ? '{…}' : type.name}`;
    case 'fwd':
      return `${type.of} ${type.name}`;
    default:
      return type.name;
  }
}

/** `int on_beat(void *map, __u32 *key, struct beat *beat)` for a FUNC or VAR. */
export function signature(btf: Btf, id: number): string {
  const type = typeById(btf, id);
  return type.kind === 'func' || type.kind === 'var'
    ? declaration(btf, type.type, type.name)
    : typeName(btf, id);
}
