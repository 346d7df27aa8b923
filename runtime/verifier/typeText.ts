/** A register's type in messages, where kernels differ in words. */
import type { BtfType } from '../btf/types';
import { hasFeature, type VerifierEnv } from './env';
import { MAYBE_NULL, MEM_RDONLY, MEM_RINGBUF, type RegState } from './regState';
import { typeName } from './regText';

/** A register's type as this kernel's helper messages spell it. */
export function argTypeName(env: VerifierEnv, reg: RegState, drop = 0): string {
  const flags = reg.flags & ~drop;
  if (reg.type === 'mem' && (flags & MEM_RINGBUF) !== 0 && !hasFeature(env, 'ringbufMemName')) {
    return (flags & MEM_RDONLY ? 'rdonly_' : '') + 'alloc_mem' + (flags & MAYBE_NULL ? '_or_null' : '');
  }
  return typeName(reg.type, flags);
}

/** A kind of type as kernel messages name it. */
export const kindWord = (type: BtfType): string =>
  ({
    int: 'INT',
    struct: 'STRUCT',
    union: 'UNION',
    ptr: 'PTR',
    void: 'UNKNOWN',
    fwd: 'FWD',
    funcProto: 'FUNC_PROTO',
    enum: 'ENUM',
  })[type.kind as string] ?? type.kind.toUpperCase();
