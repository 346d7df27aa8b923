/**
 * CO-RE: adapts field offsets, sizes, existence, enumerators and type ids in the code to the kernel's BTF.
 *
 * What the kernel does not have becomes a call of a helper that does not exist, so that only a program that can reach
 * it is refused, as libbpf does it. Works function by function, when a program first needs the function.
 */
import type { CoreRelocation } from '../btf/btfExt';
import { typeById, typesByName } from '../btf/query';
import { typeName } from '../btf/typeNames';
import type { Btf } from '../btf/types';
import { INSN_SIZE_BYTES, isWide } from '../insn/decode';
import type { Insn } from '../insn/insn';
import { BAD_RELOCATION_HELPER } from '../spec/poisonedCalls';
import type { CodeFunction } from './code';
import type { CodeInfo } from './codeInfo';
import type { LoadContext } from './context';
import { coreNumber, FAMILY, localPath, targetPath, type AccessPath, type CoreNumber } from './coreAccess';
import { essentialName, sameKind, typesCompatible, typesMatch } from './coreTypes';
import { refuse } from './refusal';

const POISON: Insn = { code: 0x85, dst: 0, src: 0, off: 0, imm: BAD_RELOCATION_HELPER };

/** Code of one function after its CO-RE relocations. */
export interface CoreCode {
  readonly insns: readonly Insn[];
  /** Slots that no kernel of this BTF can run, with the reason. */
  readonly poisoned: ReadonlyMap<number, string>;
}

/** Relocates functions of one object; remembers what it did and which kernel types stand for which local ones. */
export class CoreRelocator {
  private readonly done = new Map<CodeFunction, CoreCode>();
  private readonly candidates = new Map<number, readonly number[]>();
  private readonly essentialIndex = new Map<string, readonly number[]>();

  constructor(
    private readonly context: LoadContext,
    private readonly info: CodeInfo,
  ) {}

  /** @throws Refusal when a relocation cannot be understood, or the kernel's BTF is missing. */
  relocate(code: CodeFunction): CoreCode {
    const known = this.done.get(code);
    if (known !== undefined) return known;
    const insns = code.section.insns.slice(code.start, code.start + code.count);
    const poisoned = new Map<number, string>();
    const from = code.start * INSN_SIZE_BYTES;
    const to = from + code.count * INSN_SIZE_BYTES;
    for (const relocation of this.info.core(code.section.section.name, from, to)) {
      const slot = (relocation.offset - from) / INSN_SIZE_BYTES;
      new OneRelocation(this.context, code, relocation, this).apply(insns, slot, poisoned);
    }
    const result = { insns, poisoned };
    this.done.set(code, result);
    return result;
  }

  /** Kernel types of the same essential name and kind. */
  candidatesOf(kernel: Btf, local: Btf, localId: number): readonly number[] {
    let list = this.candidates.get(localId);
    if (list === undefined) {
      const type = typeById(local, localId);
      const all = this.byEssentialName(kernel, essentialName(type.name)).filter((id) =>
        sameKind(type, kernel.types[id]),
      );
      // Modules are asked only for what the kernel itself does not have.
      const own = all.filter((id) => id < (kernel.modulesFrom ?? Infinity));
      list = own.length > 0 ? own : all;
      this.candidates.set(localId, list);
    }
    return list;
  }

  /** Once a candidate matched, later relocations of the same type look only at those that did. */
  narrow(localId: number, matched: readonly number[]): void {
    this.candidates.set(localId, matched);
  }

  private byEssentialName(kernel: Btf, name: string): readonly number[] {
    let list = this.essentialIndex.get(name);
    if (list === undefined) {
      // Kernel types hardly ever have a flavour themselves; those that have are found by their whole prefix below.
      const flavoured = flavouredTypes(kernel).get(name) ?? [];
      list = [...typesByName(kernel, name), ...flavoured].sort((a, b) => a - b);
      this.essentialIndex.set(name, list);
    }
    return list;
  }
}

const flavours = new WeakMap<Btf, Map<string, number[]>>();

function flavouredTypes(kernel: Btf): Map<string, number[]> {
  let index = flavours.get(kernel);
  if (index === undefined) {
    index = new Map();
    for (let id = 1; id < kernel.types.length; id++) {
      const { name } = kernel.types[id];
      if (!name.includes('___')) continue;
      const essential = essentialName(name);
      if (essential === name) continue;
      const ids = index.get(essential);
      if (ids === undefined) index.set(essential, [id]);
      else ids.push(id);
    }
    flavours.set(kernel, index);
  }
  return index;
}

type Resolution =
  | { readonly poison: string }
  | { readonly before: CoreNumber; readonly after: CoreNumber; readonly wrongSize: boolean };

class OneRelocation {
  constructor(
    private readonly context: LoadContext,
    private readonly code: CodeFunction,
    private readonly relocation: CoreRelocation,
    private readonly relocator: CoreRelocator,
  ) {}

  private refuse(code: string, message: string, remedy?: string): never {
    const { section } = this.code.section;
    return refuse(
      this.context.file,
      code,
      `function '${this.code.name}': CO-RE relocation at instruction ${this.relocation.offset / INSN_SIZE_BYTES - this.code.start}: ${message}`,
      remedy,
      section.fileOffset + this.relocation.offset,
    );
  }

  apply(insns: Insn[], slot: number, poisoned: Map<number, string>): void {
    if (!Number.isInteger(slot)) this.refuse('bad-core-relocation', 'it is not at an instruction');
    const insn = insns[slot];
    if (isWide(insn) && slot + 1 >= insns.length)
      this.refuse('bad-core-relocation', 'the 64-bit load is truncated');
    const resolution = this.resolve();
    const reason = 'poison' in resolution ? resolution.poison : this.patch(insns, slot, resolution);
    if (reason === undefined) return;
    insns[slot] = POISON;
    poisoned.set(slot, reason);
    // A poisoned 64-bit load is two such calls: it has two slots.
    if (isWide(insn)) {
      insns[slot + 1] = POISON;
      poisoned.set(slot + 1, reason);
    }
  }

  /** What the object means, for messages: `struct task_struct.pid`. */
  private describe(local: AccessPath): string {
    let text = typeName(local.btf, local.rootId);
    if (local.enumerator !== undefined) return `${text}, enumerator ${local.enumerator.name}`;
    for (const [i, step] of local.steps.entries()) {
      if (step.member !== undefined) text += `.${step.member.name}`;
      else if (i > 0) text += `[${step.index}]`;
    }
    return text;
  }

  private resolve(): Resolution {
    const { btf, elf, options } = this.context;
    const { kind, kindNumber, typeId, access } = this.relocation;
    if (kind === undefined) {
      return this.refuse(
        'unsupported-core-relocation',
        `unknown kind ${kindNumber}`,
        'Compile with an older clang, or update.',
      );
    }
    const family = FAMILY[kind];
    const local =
      btf !== undefined && typeId < btf.types.length ? localPath(btf, typeId, access, family) : undefined;
    if (btf === undefined || local === undefined) {
      return this.refuse(
        'bad-core-relocation',
        `access '${access}' does not fit type ${typeId}`,
        'The object is damaged: compile it again.',
      );
    }
    const before = coreNumber(kind, local, elf.littleEndian);
    if (before === undefined || before === 'poison') {
      return this.refuse(
        'unsupported-core-relocation',
        `${kind} is not possible for ${this.describe(local)}`,
      );
    }
    if (kind === 'typeIdLocal') return { before, after: before, wrongSize: false };
    if (typeById(btf, typeId).name === '') {
      return this.refuse('unsupported-core-relocation', 'anonymous types cannot be looked up in the kernel');
    }
    const kernel = options.kernelBtf;
    if (kernel === undefined) {
      return this.refuse(
        'kernel-btf-missing',
        `${this.describe(local)} is looked up in the kernel's BTF, and there is none`,
        'Give the BTF of a kernel with --btf FILE (for example a copy of /sys/kernel/btf/vmlinux).',
      );
    }
    const matched: { id: number; path: AccessPath; number: CoreNumber | 'poison' }[] = [];
    for (const id of this.relocator.candidatesOf(kernel, btf, typeId)) {
      if (family === 'type') {
        const same = kind === 'typeMatches' ? typesMatch : typesCompatible;
        if (!same(btf, typeId, kernel, id)) continue;
      }
      const path = targetPath(local, kernel, id, family);
      if (path === undefined) continue;
      const number = coreNumber(kind, path, elf.littleEndian);
      if (number === undefined)
        this.refuse('unsupported-core-relocation', `${kind} is not possible for ${this.describe(local)}`);
      else matched.push({ id, path, number });
    }
    const first = matched.at(0);
    for (const other of matched.slice(1)) {
      if (first !== undefined && !sameDecision(first, other)) {
        this.refuse(
          'ambiguous-core-relocation',
          `the kernel has several types that fit ${this.describe(local)}, and they disagree`,
        );
      }
    }
    if (first !== undefined)
      this.relocator.narrow(
        typeId,
        matched.map(({ id }) => id),
      );
    const after = first === undefined ? coreNumber(kind, undefined, elf.littleEndian) : first.number;
    if (after === undefined || after === 'poison') {
      return { poison: `the kernel has no ${this.describe(local)}` };
    }
    return { before, after, wrongSize: first !== undefined && !widthCanChange(btf, before, kernel, after) };
  }

  /** Puts the number into the instruction; returns the reason when the instruction must be poisoned instead. */
  private patch(
    insns: Insn[],
    slot: number,
    { before, after, wrongSize }: Exclude<Resolution, { poison: string }>,
  ): string | undefined {
    const insn = insns[slot];
    const unexpected = (what: bigint | number): never =>
      this.refuse(
        'bad-core-relocation',
        `the instruction holds ${what}, not ${before.value} as the object's types say`,
        'Compile the object again.',
      );
    switch (insn.code & 7) {
      case 4:
      case 7:
        if ((insn.code & 8) !== 0) return this.unrecognised(insn);
        if (before.validate && BigInt.asUintN(32, BigInt(insn.imm)) !== BigInt.asUintN(32, before.value))
          unexpected(insn.imm);
        insns[slot] = { ...insn, imm: Number(BigInt.asIntN(32, after.value)) };
        return undefined;
      case 1:
      case 2:
      case 3:
        if (before.validate && BigInt.asUintN(64, BigInt(insn.off)) !== before.value) unexpected(insn.off);
        if (after.value > 0x7fffn)
          this.refuse('bad-core-relocation', `offset ${after.value} is too large for a load or store`);
        if (wrongSize)
          return 'the field has another size in the kernel, and only pointers and unsigned integers can be read then';
        insns[slot] = { ...insn, off: Number(after.value), code: this.resized(insn, before, after) };
        return undefined;
      case 0: {
        const high = insns.at(slot + 1);
        if (
          !isWide(insn) ||
          insn.src !== 0 ||
          insn.off !== 0 ||
          high === undefined ||
          high.code !== 0 ||
          high.dst !== 0 ||
          high.src !== 0 ||
          high.off !== 0
        ) {
          return this.unrecognised(insn);
        }
        const held = BigInt.asUintN(64, (BigInt(high.imm) << 32n) | BigInt(insn.imm >>> 0));
        if (before.validate && held !== before.value) unexpected(held);
        insns[slot] = { ...insn, imm: Number(BigInt.asIntN(32, after.value)) };
        insns[slot + 1] = { ...high, imm: Number(BigInt.asIntN(32, after.value >> 32n)) };
        return undefined;
      }
      default:
        return this.unrecognised(insn);
    }
  }

  private unrecognised(insn: Insn): never {
    return this.refuse(
      'bad-core-relocation',
      `the instruction with code 0x${insn.code.toString(16)} takes no relocation`,
    );
  }

  private resized(insn: Insn, before: CoreNumber, after: CoreNumber): number {
    if (before.sizeBytes === after.sizeBytes) return insn.code;
    const held = ACCESS_SIZES[(insn.code >> 3) & 3];
    const size = ACCESS_SIZES.indexOf(after.sizeBytes ?? 0);
    if (held !== before.sizeBytes)
      this.refuse(
        'bad-core-relocation',
        `the instruction accesses ${held} bytes of a field of ${before.sizeBytes}`,
      );
    if (size < 0)
      this.refuse('bad-core-relocation', `a field of ${after.sizeBytes} bytes cannot be loaded at once`);
    return (insn.code & ~0x18) | (size << 3);
  }
}

/** By the size bits of the opcode. */
const ACCESS_SIZES = [4, 2, 1, 8];

function sameDecision(
  a: { readonly path: AccessPath; readonly number: CoreNumber | 'poison' },
  b: { readonly path: AccessPath; readonly number: CoreNumber | 'poison' },
): boolean {
  if (a.path.offsetBits !== b.path.offsetBits) return false;
  if (a.number === 'poison' || b.number === 'poison') return a.number === b.number;
  return a.number.value === b.number.value;
}

/** Whether a load may be made wider or narrower: pointers and unsigned integers keep their value by zero extension. */
function widthCanChange(local: Btf, before: CoreNumber, kernel: Btf, after: CoreNumber): boolean {
  if (before.sizeBytes === after.sizeBytes) return true;
  const a = typeById(local, before.typeId ?? 0);
  const b = typeById(kernel, after.typeId ?? 0);
  if (a.kind === 'ptr' && b.kind === 'ptr') return true;
  return a.kind === 'int' && b.kind === 'int' && a.encoding !== 'signed' && b.encoding !== 'signed';
}
