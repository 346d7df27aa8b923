/**
 * Type information as a C header that compiles: our own `vmlinux.h`. Every struct keeps its size and every member its
 * offset, for compilers that lay out as the BPF target does (natural alignment, bit-fields in units of their type).
 *
 * Order is what makes it hard: a struct's text must follow the text of all that it contains by value and of every typedef
 * that it mentions, while pointers to structs need no more than the tag. Names that BTF has twice get a suffix `___2`.
 */
import { FormatError } from '../util/problem';
import { declTagsOf, resolvedType, resolveModifiers, sizeOfType, typeById, type BtfStruct } from './query';
import { baseName, declaration } from './typeNames';
import type { Btf, BtfMember, BtfType } from './types';
import { bitfieldOf } from './values';

const MAX_DEPTH = 1500;
const MAX_OUTPUT_CHARS = 256 * 1024 * 1024;
/** The compiler's own names, which mean something else on the BPF target: the kernel's get a suffix. */
const BUILT_IN: readonly string[] = ['__builtin_va_list'];

/** The whole header, ready to be included before anything else. */
export function dumpC(btf: Btf): string {
  const writer = new HeaderWriter(btf);
  return (
    '#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n\n' +
    '#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n' +
    '#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)\n#endif\n\n' +
    writer.types() +
    '\n#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n#endif\n' +
    writer.kernelFunctions() +
    '\n#endif /* __VMLINUX_H__ */\n'
  );
}

const NOT_YET = 0;
const BEGUN = 1;
const DONE = 2;

class HeaderWriter {
  private readonly out: string[] = [];
  private outChars = 0;
  /** Per type id. Of structs: the definition; of typedefs and enums: their text. */
  private readonly state: Uint8Array;
  private readonly declared: Uint8Array;
  private readonly visited: Uint8Array;
  private readonly names: (string | undefined)[];
  private readonly tags = new Map<string, number>();
  private readonly identifiers = new Set<string>(BUILT_IN);
  private readonly definedTags: Map<string, number>;
  private readonly layout: Layout;
  private depth = 0;

  constructor(private readonly btf: Btf) {
    const count = btf.types.length;
    this.state = new Uint8Array(count);
    this.declared = new Uint8Array(count);
    this.visited = new Uint8Array(count);
    this.names = new Array<string | undefined>(count);
    this.layout = new Layout(btf);
    this.definedTags = new Map();
    btf.types.forEach((type, id) => {
      if (
        (type.kind === 'struct' || type.kind === 'union') &&
        type.name !== '' &&
        !this.definedTags.has(type.name)
      ) {
        this.definedTags.set(type.name, id);
        // Structs keep their names; an enum of the same name gets the suffix.
        this.tagName(id);
      }
    });
  }

  types(): string {
    const { btf } = this;
    const referenced = referencedTypes(btf);
    for (let id = 1; id < btf.types.length; id++) {
      const type = btf.types[id];
      switch (type.kind) {
        case 'struct':
        case 'union':
          if (type.name !== '') this.visit(id, true);
          break;
        case 'enum':
          // An anonymous enum that nothing mentions is there for its constants.
          if (type.name !== '') this.visit(id, true);
          else if (referenced[id] === 0) this.emit(`${this.enumText(type, '', '')};\n\n`);
          break;
        case 'typedef':
          this.visit(id, false);
          break;
        default:
          break;
      }
    }
    return this.out.splice(0).join('');
  }

  /** Prototypes of the functions that the kernel offers to programs, where its BTF marks them. */
  kernelFunctions(): string {
    const { btf } = this;
    const lines: string[] = [];
    const seen = new Set<string>();
    for (let id = 1; id < btf.types.length; id++) {
      const type = btf.types[id];
      if (type.kind !== 'func' || seen.has(type.name)) continue;
      if (!declTagsOf(btf, id).includes('bpf_kfunc')) continue;
      seen.add(type.name);
      lines.push(
        `extern ${declaration(btf, type.type, type.name, (base) => this.reference(base, ''))} __weak __ksym;\n`,
      );
    }
    if (lines.length === 0) return '';
    return (
      '\n#ifndef BPF_NO_KFUNC_PROTOTYPES\n#ifndef __ksym\n#define __ksym __attribute__((section(".ksyms")))\n#endif\n' +
      '#ifndef __weak\n#define __weak __attribute__((weak))\n#endif\n\n' +
      lines.join('') +
      '#endif\n'
    );
  }

  private emit(text: string): void {
    this.outChars += text.length;
    if (this.outChars > MAX_OUTPUT_CHARS) throw new FormatError('BTF', 'the C header would be too large');
    this.out.push(text);
  }

  /** Emits what must stand before a mention of the type; `whole` when its size must be known there. */
  private visit(id: number, whole: boolean): void {
    // Once is enough, and keeps the walk linear however types share parts.
    const bit = whole ? 2 : 1;
    if ((this.visited[id] & bit) !== 0) return;
    this.visited[id] |= bit;
    const type = typeById(this.btf, id);
    switch (type.kind) {
      case 'ptr':
        this.descend(() => this.visit(type.type, false));
        break;
      case 'array':
        // Even a pointer to an array needs the whole element type.
        this.descend(() => this.visit(type.type, true));
        break;
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'typeTag':
        this.descend(() => this.visit(type.type, whole));
        break;
      case 'funcProto':
        this.descend(() => {
          this.visit(type.returnType, false);
          for (const param of type.params) this.visit(param.type, false);
        });
        break;
      case 'typedef':
        this.descend(() => this.visitTypedef(type, id, whole));
        break;
      case 'enum':
        if (type.name !== '' && this.state[id] === NOT_YET) {
          this.state[id] = DONE;
          this.emit(`${this.enumText(type, this.tagName(id), '')};\n\n`);
        }
        break;
      case 'fwd':
        this.declare(id, type.of);
        break;
      case 'struct':
      case 'union':
        this.descend(() => this.visitStruct(type, id, whole));
        break;
      default:
        break;
    }
  }

  private descend(visit: () => void): void {
    if (++this.depth > MAX_DEPTH)
      throw new FormatError('BTF', 'types depend on each other too deeply for a C header');
    visit();
    this.depth--;
  }

  private declare(id: number, keyword: 'struct' | 'union'): void {
    if (this.declared[id] !== 0 || this.state[id] === DONE) return;
    this.declared[id] = 1;
    const type = typeById(this.btf, id);
    // A forward declaration of something that is defined stands for the definition.
    const definition = type.kind === 'fwd' ? this.definedTags.get(type.name) : undefined;
    if (definition !== undefined && typeById(this.btf, definition).kind === keyword) {
      this.names[id] = this.tagName(definition);
      return this.declare(definition, keyword);
    }
    this.emit(`${keyword} ${this.tagName(id)};\n\n`);
  }

  private visitTypedef(
    type: { readonly name: string; readonly type: number },
    id: number,
    whole: boolean,
  ): void {
    if (this.state[id] === NOT_YET) {
      this.state[id] = BEGUN;
      this.visit(type.type, false);
      this.state[id] = DONE;
      this.emit(
        `typedef ${declaration(this.btf, type.type, this.typedefName(id), (base) => this.reference(base, ''))};\n\n`,
      );
    }
    if (whole) this.visit(type.type, true);
  }

  private visitStruct(type: BtfStruct, id: number, whole: boolean): void {
    if (type.name === '') {
      // Its text stands where it is mentioned, so what it needs must stand before that.
      for (const member of type.members) this.visit(member.type, true);
      return;
    }
    if (!whole || this.state[id] !== NOT_YET) {
      if (this.state[id] !== DONE) this.declare(id, type.kind);
      return;
    }
    this.state[id] = BEGUN;
    for (const member of type.members) this.visit(member.type, true);
    this.state[id] = DONE;
    this.emit(`${this.structText(type, id, this.tagName(id), '')};\n\n`);
  }

  /** How a type is written where it is mentioned; anonymous ones with their whole body. */
  private reference(id: number, indent: string): string {
    const type = typeById(this.btf, id);
    switch (type.kind) {
      case 'struct':
      case 'union':
        return type.name === '' ? this.structText(type, id, '', indent) : `${type.kind} ${this.tagName(id)}`;
      case 'enum':
        return type.name === '' ? this.enumText(type, '', indent) : `enum ${this.tagName(id)}`;
      case 'fwd':
        return `${type.of} ${this.tagName(id)}`;
      case 'typedef':
        return this.typedefName(id);
      case 'int':
        // The type that clang invents for array indexes is no C type.
        return type.name === '__ARRAY_SIZE_TYPE__' ? 'unsigned int' : type.name;
      default:
        return baseName(type);
    }
  }

  private tagName(id: number): string {
    let name = this.names[id];
    if (name === undefined) {
      const base = typeById(this.btf, id).name;
      name = base;
      for (let n = 2; this.tags.has(name); n++) name = `${base}___${n}`;
      this.tags.set(name, id);
      this.names[id] = name;
    }
    return name;
  }

  private typedefName(id: number): string {
    let name = this.names[id];
    if (name === undefined) {
      name = this.uniqueIdentifier(typeById(this.btf, id).name);
      this.names[id] = name;
    }
    return name;
  }

  private uniqueIdentifier(base: string): string {
    let name = base;
    for (let n = 2; this.identifiers.has(name); n++) name = `${base}___${n}`;
    this.identifiers.add(name);
    return name;
  }

  private enumText(type: Extract<BtfType, { kind: 'enum' }>, name: string, indent: string): string {
    const head = name === '' ? 'enum' : `enum ${name}`;
    let fits = true;
    let text = `${head} {\n`;
    for (const { name: constant, value } of type.values) {
      if (value > 0xffff_ffffn || value < -0x8000_0000n) fits = false;
      const suffix =
        value > 0xffff_ffffn ? 'ULL' : value > 0x7fff_ffffn ? 'U' : value < -0x7fff_ffffn ? 'LL' : '';
      // The least number has no literal of its own.
      const literal =
        value === -0x8000_0000_0000_0000n ? '(-9223372036854775807LL - 1)' : `${value}${suffix}`;
      text += `${indent}\t${this.uniqueIdentifier(constant)} = ${literal},\n`;
    }
    if (type.values.length === 0)
      text += `${indent}\t${this.uniqueIdentifier(`__${name || 'enum'}_empty`)} = 0,\n`;
    text += `${indent}}`;
    const mode =
      type.sizeBytes === 1
        ? 'byte'
        : type.sizeBytes === 2
          ? 'HI'
          : type.sizeBytes === 8 && fits
            ? 'word'
            : undefined;
    return mode === undefined ? text : `${text} __attribute__((mode(${mode})))`;
  }

  private structText(type: BtfStruct, id: number, name: string, indent: string): string {
    if (indent.length > MAX_DEPTH)
      throw new FormatError('BTF', 'anonymous types are nested too deeply for a C header');
    const inner = `${indent}\t`;
    const { packed, alignBits } = this.layout.of(id);
    const lines: string[] = [];
    let at = 0;
    const unit = (bits: number): number => (packed ? 8 : bits);
    for (const member of type.members) {
      const field = bitfieldOf(this.btf, member);
      const memberAlign = unit(this.layout.alignBits(member.type));
      if (type.kind === 'struct') {
        const typeBits = 8 * (sizeOfType(this.btf, member.type) ?? 1);
        const target = field?.offsetBits ?? member.offsetBits;
        const natural = (from: number): number =>
          field === undefined
            ? Math.ceil(from / memberAlign) * memberAlign
            : packed || Math.floor(from / typeBits) === Math.floor((from + field.bits - 1) / typeBits)
              ? from
              : Math.ceil(from / typeBits) * typeBits;
        at = pad(lines, at, target, natural, inner);
      }
      const text = this.memberText(member, inner);
      lines.push(`${inner}${text}${field === undefined ? '' : `: ${field.bits}`};\n`);
      this.checkLength(text);
      const sizeBits = field?.bits ?? 8 * (sizeOfType(this.btf, member.type) ?? 0);
      at =
        type.kind === 'struct' ? (field?.offsetBits ?? member.offsetBits) + sizeBits : Math.max(at, sizeBits);
    }
    const totalBits = 8 * type.sizeBytes;
    const whole = (from: number): number => Math.ceil(from / unit(alignBits)) * unit(alignBits);
    if (type.kind === 'struct') pad(lines, at, totalBits, whole, inner);
    else if (whole(at) < totalBits) lines.push(`${inner}unsigned char __size[${type.sizeBytes}];\n`);
    const head = name === '' ? type.kind : `${type.kind} ${name}`;
    const attributes = packed
      ? ' __attribute__((packed))'
      : type.members.length === 0 && type.sizeBytes > 0 && type.sizeBytes % 8 === 0
        ? // Opaque to BTF; such objects (timers of old kernels) hold pointers.
          ' __attribute__((aligned(8)))'
        : '';
    return `${head} {\n${lines.join('')}${indent}}${attributes}`;
  }

  private memberText(member: BtfMember, indent: string): string {
    const proper = resolveModifiers(this.btf, member.type);
    const type = typeById(this.btf, proper);
    // A tagged struct without a member name is an extension that programs are not compiled with: its body stands in for it.
    if (member.name === '' && type.name !== '' && (type.kind === 'struct' || type.kind === 'union')) {
      return this.structText(type, proper, '', indent);
    }
    return declaration(this.btf, member.type, member.name, (base) => this.reference(base, indent));
  }

  /** Anonymous types repeat their text at every mention: hostile input could make it grow without bound. */
  private checkLength(text: string): void {
    if (text.length > MAX_OUTPUT_CHARS / 16) throw new FormatError('BTF', 'the C header would be too large');
  }
}

/** Below this, padding is written bit-field by bit-field, which declares no member; above it as an array. */
const MAX_BITFIELD_PADDING_BITS = 8 * 512;

/**
 * Writes unnamed members until the next member, placed naturally, comes to lie at `target`.
 * @returns where that is, or `from` when nothing was needed.
 */
function pad(
  lines: string[],
  from: number,
  target: number,
  natural: (from: number) => number,
  indent: string,
): number {
  let at = from;
  while (at < target && natural(at) !== target) {
    const missing = target - at;
    if (missing > MAX_BITFIELD_PADDING_BITS && at % 8 === 0) {
      const bytes = Math.floor(missing / 8);
      lines.push(`${indent}unsigned char __padding_${at / 8}[${bytes}];\n`);
      at += 8 * bytes;
      continue;
    }
    const step = PADDING.find(({ bits }) => at % bits === 0 && bits <= missing);
    const bits = step?.bits ?? Math.min(8 - (at % 8), missing);
    lines.push(`${indent}${step?.type ?? 'char'}: ${bits};\n`);
    at += bits;
  }
  return at;
}

const PADDING = [
  { bits: 64, type: 'long' },
  { bits: 32, type: 'int' },
  { bits: 16, type: 'short' },
  { bits: 8, type: 'char' },
];

interface StructLayout {
  /** Natural placement cannot give the offsets that BTF says. */
  readonly packed: boolean;
  /** Alignment that the compiler will give the text. */
  readonly alignBits: number;
}

/** What the C compiler will make of the text, computed bottom up and remembered. */
class Layout {
  private readonly known = new Map<number, StructLayout>();

  constructor(private readonly btf: Btf) {}

  alignBits(id: number): number {
    const { btf } = this;
    for (let at = id; ;) {
      const type = typeById(btf, at);
      switch (type.kind) {
        case 'int':
        case 'enum':
        case 'float':
          return 8 * Math.min(16, type.sizeBytes || 1);
        case 'ptr':
          return 64;
        case 'array':
        case 'typedef':
        case 'const':
        case 'volatile':
        case 'restrict':
        case 'typeTag':
          at = type.type;
          break;
        case 'struct':
        case 'union':
          return this.of(at).alignBits;
        default:
          return 8;
      }
    }
  }

  of(id: number): StructLayout {
    let layout = this.known.get(id);
    if (layout === undefined) {
      layout = this.compute(typeById(this.btf, id) as BtfStruct);
      this.known.set(id, layout);
    }
    return layout;
  }

  private compute(type: BtfStruct): StructLayout {
    let alignBits = 8;
    let packed = false;
    for (const member of type.members) {
      const field = bitfieldOf(this.btf, member);
      const memberAlign = this.alignBits(member.type);
      alignBits = Math.max(alignBits, memberAlign);
      if (field === undefined) {
        if (member.offsetBits % memberAlign !== 0) packed = true;
        continue;
      }
      const proper = resolvedType(this.btf, member.type);
      const unitBits = 8 * ('sizeBytes' in proper ? proper.sizeBytes : 4);
      const first = Math.floor(field.offsetBits / unitBits);
      if (first !== Math.floor((field.offsetBits + field.bits - 1) / unitBits)) packed = true;
    }
    if ((8 * type.sizeBytes) % alignBits !== 0) packed = true;
    if (type.members.length === 0 && type.sizeBytes > 0 && type.sizeBytes % 8 === 0) alignBits = 64;
    return packed ? { packed, alignBits: 8 } : { packed, alignBits };
  }
}

/** 1 for every type that another type mentions. */
function referencedTypes(btf: Btf): Uint8Array {
  const referenced = new Uint8Array(btf.types.length);
  for (const type of btf.types) {
    switch (type.kind) {
      case 'struct':
      case 'union':
        for (const member of type.members) referenced[member.type] = 1;
        break;
      case 'funcProto':
        referenced[type.returnType] = 1;
        for (const param of type.params) referenced[param.type] = 1;
        break;
      case 'ptr':
      case 'array':
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'typeTag':
      case 'var':
        referenced[type.type] = 1;
        break;
      default:
        break;
    }
  }
  return referenced;
}
