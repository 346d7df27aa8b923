/**
 * Types for bare programs: values with kernel objects at given offsets, functions with untyped arguments. What the guest's loader
 * would build as bytes stands here as the types themselves.
 */
import type { Btf, BtfMember, BtfType } from '../btf/types';
import { renumbered } from '../btf/renumber';
import { FormatError } from '../util/problem';

const FIELD_STRUCTS: Readonly<Record<string, readonly [name: string, sizeBytes: number]>> = {
  timer: ['bpf_timer', 16],
  spin_lock: ['bpf_spin_lock', 4],
  wq: ['bpf_wq', 16],
  list_head: ['bpf_list_head', 16],
  rb_root: ['bpf_rb_root', 16],
  refcount: ['bpf_refcount', 4],
};

export class BtfBuilder {
  readonly types: BtfType[] = [{ kind: 'void', name: '' }];
  private add(type: BtfType): number {
    return this.types.push(type) - 1;
  }
  int(name: string, sizeBytes: number, encoding: 'signed' | 'unsigned'): number {
    const at = this.types.findIndex((t) => t.kind === 'int' && t.name === name);
    return at > 0
      ? at
      : this.add({ kind: 'int', name, sizeBytes, bits: 8 * sizeBytes, bitOffset: 0, encoding });
  }
  bytes(count: number): number {
    const indexType = this.int('int', 4, 'signed');
    return this.add({ kind: 'array', name: '', type: this.int('char', 1, 'signed'), indexType, count });
  }
  /** A value struct with kernel objects at the given offsets and padding between them. */
  value(sizeBytes: number, fields: readonly (readonly [string, number])[]): number {
    const members: BtfMember[] = [];
    let at = 0;
    const pad = (upTo: number): void => {
      if (upTo > at)
        members.push({
          name: `pad${at}`,
          type: this.bytes(upTo - at),
          offsetBits: at * 8,
          bitfieldSizeBits: 0,
        });
    };
    for (const [kind, offset] of [...fields].sort((a, b) => a[1] - b[1])) {
      const known = Object.hasOwn(FIELD_STRUCTS, kind) ? FIELD_STRUCTS[kind] : undefined;
      if (known === undefined) throw new FormatError('raw program', `unknown field kind '${kind}'`);
      const [name, size] = known;
      pad(offset);
      const opaque: BtfMember = { name: 'o', type: this.bytes(size), offsetBits: 0, bitfieldSizeBits: 0 };
      const inner = this.add({ kind: 'struct', name, sizeBytes: size, members: [opaque] });
      members.push({ name: `f${offset}`, type: inner, offsetBits: offset * 8, bitfieldSizeBits: 0 });
      at = offset + size;
    }
    if (at > sizeBytes) throw new FormatError('raw program', 'BTF refused: a field lies outside its value');
    pad(sizeBytes);
    return this.add({ kind: 'struct', name: `value${this.types.length}`, sizeBytes, members });
  }
  func(name: string, argumentCount: number, isStatic: boolean): number {
    const word = this.int('unsigned long', 8, 'unsigned');
    const pointer = this.add({ kind: 'ptr', name: '', type: 0 });
    const params = Array.from({ length: argumentCount }, (_, i) => ({
      name: `a${i}`,
      type: i === 0 ? pointer : word,
    }));
    const proto = this.add({ kind: 'funcProto', name: '', returnType: this.int('int', 4, 'signed'), params });
    return this.add({ kind: 'func', name, type: proto, linkage: isStatic ? 'static' : 'global' });
  }

  /** Adds foreign types behind those that are here. @returns what their ids are moved by. */
  append(other: Btf): number {
    const shift = this.types.length - 1;
    for (const type of other.types.slice(1)) this.add(renumbered(type, (id) => (id === 0 ? 0 : id + shift)));
    return shift;
  }
}
