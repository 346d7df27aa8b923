/**
 * Objects that implement an operations table of the kernel (`.struct_ops`). Only what decides whether the object loads at
 * all is read: the kernel must know the table. The tables themselves are not made into maps yet; their programs are
 * verified as programs of that type.
 */
import { findType, resolvedType, typeById } from '../btf/query';
import type { Problem } from '../util/problem';
import type { LoadContext } from './context';
import { essentialName } from './coreTypes';
import { datasecOf } from './objectBtf';

/** Sections whose tables are created without being asked for; those with a leading `?` are not. */
const SECTIONS = ['.struct_ops', '.struct_ops.link'];

/** Why no program of the object can be loaded, when the kernel lacks a table that the object implements. */
export function structOpsProblem(context: LoadContext): Problem | undefined {
  const { btf, file, options } = context;
  if (btf === undefined) return undefined;
  for (const section of SECTIONS) {
    for (const entry of datasecOf(btf, section)?.type.vars ?? []) {
      const variable = typeById(btf, entry.type);
      // Asked for only now: the kernel's BTF may have to be read first.
      if (variable.kind !== 'var' || options.kernelBtf === undefined) continue;
      const table = essentialName(resolvedType(btf, variable.type).name);
      if (findType(options.kernelBtf, `bpf_struct_ops_${table}`, 'struct') !== 0) continue;
      return {
        code: 'unknown-struct-ops',
        message: `struct_ops '${variable.name}': struct bpf_struct_ops_${table} is not found in kernel BTF`,
        place: { file },
        remedy: `This kernel does not let programs implement 'struct ${table}': choose another kernel, or put it into SEC("?${section}").`,
      };
    }
  }
  return undefined;
}
