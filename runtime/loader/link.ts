/**
 * Makes one loadable program of an entry function and every subprogram that it reaches: copies their code one behind
 * the other, resolves relocations to references, and carries function and line info along.
 *
 * Subprograms are placed in the order of depth-first discovery, as libbpf does, so that instruction numbers are those
 * that the kernel will report. Works without recursion: call depth comes from the input.
 */
import type { FuncInfo } from '../btf/btfExt';
import { INSN_SIZE_BYTES, isWide } from '../insn/decode';
import type { Insn } from '../insn/insn';
import { SHN, STB, type ElfSymbol } from '../elf/types';
import { declTagsOf } from '../btf/query';
import { functionAt, isExtern, type Code, type CodeFunction, type CodeSection } from './code';
import type { CodeInfo } from './codeInfo';
import { MISSING_KFUNC_BASE } from '../spec/poisonedCalls';
import type { LoadContext } from './context';
import type { PlacedMap } from './mapDefinitions';
import { JUMP_TABLES_SECTION, readJumpTable } from './jumpTables';
import type { CodeOrigin, FunctionSpec, InsnReference, LineEntry, MapSpec } from './objectSpec';
import type { Externs } from './externs';
import type { CoreCode } from './coreRelocations';
import { refuse } from './refusal';

const CALL = 0x85;
/** Variables that lie in an arena. */
export const ARENA_SECTION = '.addr_space.1';
const PSEUDO = { mapFd: 1, mapValue: 2, btfId: 3, func: 4, call: 1, kfunc: 2 } as const;
/** More than any kernel takes. */
const MAX_INSNS = 1_000_000;
/** All programs of an object together: a small file can let thousands of programs call the same large subprogram. */
export const MAX_OBJECT_INSNS = 8_000_000;

export interface LinkInput {
  readonly context: LoadContext;
  readonly code: Code;
  readonly maps: readonly PlacedMap[];
  /** Maps made of jump tables; they are numbered behind `maps`. */
  readonly jumpTables: MapSpec[];
  readonly externs: Externs;
  /** What is left of `MAX_OBJECT_INSNS`. */
  readonly budget: { insns: number };
  readonly info: CodeInfo;
  /** Code of a function after CO-RE relocation. */
  readonly relocated: (code: CodeFunction) => CoreCode;
}

export interface LinkedProgram {
  readonly insns: readonly Insn[];
  readonly references: ReadonlyMap<number, InsnReference>;
  readonly functions: readonly FunctionSpec[];
  readonly lines: readonly LineEntry[];
  readonly origins: readonly CodeOrigin[];
}

/** @throws Refusal with a problem of this program. */
export function linkProgram(input: LinkInput, main: CodeFunction): LinkedProgram {
  return new Linker(input, main).run();
}

interface Placed {
  readonly code: CodeFunction;
  readonly base: number;
  /** Next slot to look at, relative to `base`. */
  next: number;
}

class Linker {
  private readonly insns: Insn[] = [];
  private readonly references = new Map<number, InsnReference>();
  private readonly functions: FunctionSpec[] = [];
  private readonly lines: LineEntry[] = [];
  private readonly origins: CodeOrigin[] = [];
  private readonly placed = new Map<CodeFunction, number>();
  /** Numbers of the maps made of jump tables, by their place in the section. */
  private readonly tables = new Map<number, number>();
  /** Without function info on the entry function the kernel gets none at all. */
  private readonly withFuncInfo: boolean;

  constructor(
    private readonly input: LinkInput,
    private readonly main: CodeFunction,
  ) {
    this.withFuncInfo = this.funcInfo(main) !== undefined;
  }

  run(): LinkedProgram {
    this.walk(this.place(this.main));
    // What catches the program's exceptions is called by nobody; it stands behind everything else.
    const catcher = this.exceptionCallback();
    if (catcher !== undefined && !this.placed.has(catcher)) this.walk(this.place(catcher));
    this.functions.sort((a, b) => a.insnIdx - b.insnIdx);
    return {
      insns: this.insns,
      references: this.references,
      functions: this.functions,
      lines: this.lines,
      origins: this.origins,
    };
  }

  private walk(first: Placed): void {
    const stack = [first];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (top.next >= top.code.count) {
        stack.pop();
        continue;
      }
      const slot = top.next;
      const fresh = this.resolve(top, slot);
      top.next += isWide(this.insns[top.base + slot]) ? 2 : 1;
      if (fresh !== undefined) stack.push(fresh);
    }
  }

  /** The function that the tag `exception_callback:NAME` of the entry function names. */
  private exceptionCallback(): CodeFunction | undefined {
    const { context, code } = this.input;
    const info = this.funcInfo(this.main);
    if (context.btf === undefined || info === undefined) return undefined;
    const prefix = 'exception_callback:';
    const tags = declTagsOf(context.btf, info.typeId).filter((candidate) => candidate.startsWith(prefix));
    const [tag] = tags;
    // of several none is taken: the kernel is to refuse them
    if (tags.length !== 1) return undefined;
    const name = tag.slice(prefix.length);
    const found = code.sections
      .flatMap((section) => section.functions)
      .find((candidate) => candidate.name === name && candidate.symbol.binding !== STB.local);
    return (
      found ??
      this.refuse(
        'bad-exception-callback',
        `there is no global function '${name}' to be its exception callback`,
        this.main,
        0,
      )
    );
  }

  private refuse(code: string, message: string, place: CodeFunction, slot: number, remedy?: string): never {
    const { section } = place.section;
    return refuse(
      this.input.context.file,
      code,
      `program '${this.main.name}': ${message}`,
      remedy,
      section.fileOffset + (place.start + slot) * INSN_SIZE_BYTES,
    );
  }

  private place(code: CodeFunction): Placed {
    const base = this.insns.length;
    this.input.budget.insns -= code.count;
    if (base + code.count > MAX_INSNS || this.input.budget.insns < 0) {
      this.refuse(
        'program-too-large',
        'more instructions than any kernel takes',
        code,
        0,
        'Split the program.',
      );
    }
    const { insns, poisoned } = this.input.relocated(code);
    for (const insn of insns) this.insns.push(insn);
    for (const [slot, reason] of poisoned) this.references.set(base + slot, { kind: 'poisoned', reason });
    this.placed.set(code, base);
    this.addInfo(code, base);
    return { code, base, next: 0 };
  }

  private addInfo(code: CodeFunction, base: number): void {
    const { btf } = this.input.context;
    const { section } = code.section;
    const info = this.withFuncInfo ? this.funcInfo(code) : undefined;
    const type = info === undefined ? undefined : btf?.types[info.typeId];
    this.functions.push({
      insnIdx: base,
      name: type?.kind === 'func' ? type.name : code.name,
      btfId: type?.kind === 'func' && info !== undefined ? info.typeId : 0,
      linkage: type?.kind === 'func' ? type.linkage : 'static',
    });
    this.origins.push({
      insnIdx: base,
      insnCount: code.count,
      section: section.name,
      sectionOffsetBytes: code.start * INSN_SIZE_BYTES,
    });
    const from = code.start * INSN_SIZE_BYTES;
    for (const line of this.input.info.lines(section.name, from, from + code.count * INSN_SIZE_BYTES)) {
      const slot = (line.offset - from) / INSN_SIZE_BYTES;
      if (!Number.isInteger(slot)) continue;
      const { file, text, column } = line;
      this.lines.push({ insnIdx: base + slot, file, line: line.line, column, text });
    }
  }

  private funcInfo(code: CodeFunction): FuncInfo | undefined {
    return this.input.info.function(code.section.section.name, code.start * INSN_SIZE_BYTES);
  }

  /** Gives the instruction its meaning; returns a subprogram that was placed for it and must be looked through. */
  private resolve(at: Placed, slot: number): Placed | undefined {
    const index = at.base + slot;
    const insn = this.insns[index];
    if (this.references.has(index)) return undefined;
    const relocation = at.code.section.relocations.get(at.code.start + slot);
    const wide = isWide(insn);
    if (relocation === undefined) {
      if (insn.code !== CALL) return undefined;
      if (insn.src === 0) {
        this.references.set(index, { kind: 'helper', id: insn.imm });
        return undefined;
      }
      if (insn.src !== PSEUDO.call) return undefined;
      return this.call(at, slot, at.code.section, at.code.start + slot + insn.imm + 1);
    }
    const { symbol } = relocation;
    if (insn.code !== CALL && !wide) {
      this.refuse(
        'unsupported-relocation',
        `relocation against '${symbol.name}' on an instruction with code 0x${insn.code.toString(16)}, which takes none`,
        at.code,
        slot,
        'Compile with clang -target bpf; 32-bit addresses of variables cannot be loaded.',
      );
    }
    if (isExtern(symbol)) {
      this.extern(at, slot, symbol);
      return undefined;
    }
    if (!wide) return this.callSymbol(at, slot, symbol);
    return this.address(at, slot, symbol);
  }

  private callSymbol(at: Placed, slot: number, symbol: ElfSymbol): Placed | undefined {
    const insn = this.insns[at.base + slot];
    const section = this.input.code.sections.find((candidate) => candidate.section.index === symbol.section);
    if (insn.src !== PSEUDO.call || section === undefined || symbol.value % INSN_SIZE_BYTES !== 0) {
      return this.refuse(
        'bad-call-relocation',
        `bad call relocation against '${symbol.name}'`,
        at.code,
        slot,
      );
    }
    if (section.section.name !== '.text' && section !== at.code.section) {
      this.refuse(
        'bad-call-relocation',
        `bad call relocation against '${symbol.name}' in section '${section.section.name}'`,
        at.code,
        slot,
        `Only functions without SEC() can be called: remove the SEC() of '${symbol.name}', or use a tail call.`,
      );
    }
    return this.call(at, slot, section, symbol.value / INSN_SIZE_BYTES + insn.imm + 1);
  }

  private subprogram(at: Placed, slot: number, section: CodeSection, target: number): CodeFunction {
    const code = functionAt(section, target);
    if (code === undefined || code.start !== target) {
      return this.refuse(
        'bad-call-target',
        `no subprogram found at instruction ${target} of section '${section.section.name}'`,
        at.code,
        slot,
      );
    }
    return code;
  }

  private call(at: Placed, slot: number, section: CodeSection, target: number): Placed | undefined {
    const code = this.subprogram(at, slot, section, target);
    const known = this.placed.get(code);
    const fresh = known === undefined ? this.place(code) : undefined;
    const base = known ?? fresh?.base ?? 0;
    const index = at.base + slot;
    this.insns[index] = { ...this.insns[index], imm: base - index - 1 };
    this.references.set(index, { kind: 'subprog', target: base, name: code.name });
    return fresh;
  }

  private setWide(index: number, src: number, low: number, high: number): void {
    this.insns[index] = { ...this.insns[index], src, imm: low | 0 };
    this.insns[index + 1] = { ...this.insns[index + 1], imm: high | 0 };
  }

  private address(at: Placed, slot: number, symbol: ElfSymbol): Placed | undefined {
    const { context, code, maps } = this.input;
    const index = at.base + slot;
    const { imm } = this.insns[index];
    if (symbol.section === SHN.undef || symbol.section >= SHN.loReserve) {
      this.refuse(
        'bad-relocation',
        `invalid relocation against '${symbol.name}'; is it a variable without an initial value?`,
        at.code,
        slot,
        'Initialise the variable, or compile with -fno-common.',
      );
    }
    const section = context.elf.sections[symbol.section];
    const target = code.sections.find((candidate) => candidate.section === section);
    if (target !== undefined) {
      if ((symbol.value + imm) % INSN_SIZE_BYTES !== 0 || section.name !== '.text') {
        this.refuse(
          'bad-relocation',
          `bad address of function '${symbol.name}' in section '${section.name}'`,
          at.code,
          slot,
        );
      }
      const subprogram = this.subprogram(at, slot, target, (symbol.value + imm) / INSN_SIZE_BYTES);
      const known = this.placed.get(subprogram);
      const fresh = known === undefined ? this.place(subprogram) : undefined;
      const base = known ?? fresh?.base ?? 0;
      this.setWide(index, PSEUDO.func, base - index - 1, 0);
      this.references.set(index, { kind: 'subprog', target: base, name: subprogram.name });
      return fresh;
    }
    if (section.name === ARENA_SECTION) return this.arena(at, slot, symbol);
    if (section.name === JUMP_TABLES_SECTION) return this.jumpTable(at, slot, symbol);
    const number = maps.findIndex(
      (map) => map.sectionIndex === symbol.section && (map.kind === 'data' || map.offset === symbol.value),
    );
    if (number < 0) {
      this.refuse(
        'bad-relocation',
        `bad relocation against '${symbol.name}' in section '${section.name}'`,
        at.code,
        slot,
        'Only maps, global variables in .data, .rodata and .bss sections, and functions can be referred to.',
      );
    }
    if (maps[number].kind === 'map') {
      this.setWide(index, PSEUDO.mapFd, number, 0);
      this.references.set(index, { kind: 'map', map: number });
    } else {
      const offset = (symbol.value + imm) >>> 0;
      this.setWide(index, PSEUDO.mapValue, number, offset);
      this.references.set(index, { kind: 'mapValue', map: number, offset });
    }
    return undefined;
  }

  /** Variables in an arena: they lie in the object's only arena map. */
  private arena(at: Placed, slot: number, symbol: ElfSymbol): undefined {
    const index = at.base + slot;
    const number = this.input.maps.findIndex(({ spec }) => spec.type === 'BPF_MAP_TYPE_ARENA');
    if (number < 0) {
      this.refuse(
        'bad-relocation',
        `'${symbol.name}' lies in an arena, but the object has no arena map`,
        at.code,
        slot,
        'Declare a map of type BPF_MAP_TYPE_ARENA.',
      );
    }
    const offset = (symbol.value + this.insns[index].imm) >>> 0;
    this.setWide(index, PSEUDO.mapValue, number, offset);
    this.references.set(index, { kind: 'mapValue', map: number, offset });
    return undefined;
  }

  /** One map for each table that the program refers to; where in the table stands in the instruction already. */
  private jumpTable(at: Placed, slot: number, symbol: ElfSymbol): undefined {
    const { context, maps, jumpTables } = this.input;
    let number = this.tables.get(symbol.value);
    if (number === undefined) {
      const table = readJumpTable(context.elf, symbol, at.code, at.base, this.main.name);
      if (typeof table === 'string') {
        return this.refuse(
          'bad-jump-table',
          `the jump table '${symbol.name}' cannot be made: ${table}`,
          at.code,
          slot,
          'Give the symbol of the table its size; entries are addresses of instructions of the same function.',
        );
      }
      number = maps.length + jumpTables.push(table) - 1;
      this.tables.set(symbol.value, number);
    }
    const index = at.base + slot;
    const offset = this.insns[index + 1].imm >>> 0;
    this.setWide(index, PSEUDO.mapValue, number, offset);
    this.references.set(index, { kind: 'mapValue', map: number, offset });
    return undefined;
  }

  private extern(at: Placed, slot: number, symbol: ElfSymbol): void {
    const index = at.base + slot;
    const insn = this.insns[index];
    const target = this.input.externs.bySymbol.get(symbol.index);
    if (target === undefined) {
      return this.refuse(
        'unknown-extern',
        `extern '${symbol.name}' is not described by BTF`,
        at.code,
        slot,
        'Compile with -g.',
      );
    }
    if (target.problem !== undefined) {
      this.refuse(target.problem.code, target.problem.message, at.code, slot, target.problem.remedy);
    }
    const isCall = insn.code === CALL;
    const reference = isCall ? target.call : target.address;
    if (reference === undefined) {
      return this.refuse(
        'bad-relocation',
        `extern '${symbol.name}' is called, but it is not a function`,
        at.code,
        slot,
      );
    }
    this.references.set(index, reference);
    switch (reference.kind) {
      case 'kfunc':
        // A weak function that the kernel lacks becomes a call that no kernel takes; a program may step round it.
        this.insns[index] =
          reference.btfId === 0
            ? { code: CALL, dst: 0, src: 0, off: 0, imm: MISSING_KFUNC_BASE + target.index }
            : { ...insn, src: PSEUDO.kfunc, imm: reference.btfId };
        break;
      case 'ksym':
        this.setWide(index, reference.btfId !== 0 ? PSEUDO.btfId : 0, reference.btfId, 0);
        break;
      case 'mapValue':
        this.setWide(index, PSEUDO.mapValue, reference.map, reference.offset);
        break;
    }
  }
}
