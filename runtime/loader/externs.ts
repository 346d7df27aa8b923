/**
 * Variables and functions that the object expects the kernel to have: `__kconfig` (from the kernel's configuration),
 * `__ksym` variables and kernel functions (from its BTF). Rules and names are those of libbpf 1.7: one missing strong
 * extern keeps every program of the object from loading, used or not. What we were merely not told is a problem of users only.
 */
import { alignOfType, findType, resolvedType, resolveModifiers, sizeOfType, typeById } from '../btf/query';
import type { Btf, BtfType } from '../btf/types';
import { writeBits } from '../btf/values';
import { STB, type ElfFile, type ElfSymbol } from '../elf/types';
import type { Problem } from '../util/problem';
import { isExtern } from './code';
import type { LoadContext } from './context';
import { essentialName, typesCompatible } from './coreTypes';
import { dataMap } from './globalData';
import type { PlacedMap } from './mapDefinitions';
import type { ExternSpec, InsnReference } from './objectSpec';
import { refuse } from './refusal';

export type ExternReference = Extract<InsnReference, { kind: 'kfunc' | 'ksym' | 'mapValue' }>;

export interface ResolvedExtern {
  readonly name: string;
  /** Position among all externs; a missing weak function's call is numbered by it. */
  readonly index: number;
  /** For `lddw`: its address or value. */
  readonly address: ExternReference;
  /** For `call`, when it is a function. */
  readonly call?: ExternReference;
  /** Why programs that use it cannot be loaded. */
  readonly problem?: Problem;
}

export interface Externs {
  /** By index of the ELF symbol. */
  readonly bySymbol: ReadonlyMap<number, ResolvedExtern>;
  readonly specs: readonly ExternSpec[];
  /** The `.kconfig` map, when there are kconfig externs. */
  readonly kconfigMap?: PlacedMap;
  /** Why no program of the object can be loaded: a strong extern that this kernel is known not to have. */
  readonly problem?: Problem;
}

/** Problems that say what we were not told, rather than what the kernel lacks; they concern only programs that ask. */
const notKnown = (problem: Problem): boolean =>
  problem.code === 'kernel-btf-missing' || problem.code === 'unknown-kconfig';

interface Declared {
  readonly symbol: ElfSymbol;
  readonly btfId: number;
  readonly type: Extract<BtfType, { kind: 'var' | 'func' }>;
  readonly section: '.kconfig' | '.ksyms';
  readonly weak: boolean;
}

type KconfigKind = 'bool' | 'tristate' | 'char' | 'int' | 'string';

interface KconfigSlot {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Gives the variables of `.kconfig` their places, which compilers leave open; other types stay as they are. */
export function layOutKconfig(btf: Btf, elf: ElfFile): Btf {
  const sectionId = findType(btf, '.kconfig', 'datasec');
  const section = typeById(btf, sectionId);
  if (section.kind !== 'datasec') return btf;
  const used = new Set(elf.symbols.filter(isExtern).map((symbol) => symbol.name));
  const variables = section.vars
    .map((entry) => ({ entry, variable: typeById(btf, entry.type) }))
    .filter(({ variable }) => variable.kind === 'var' && used.has(variable.name))
    .map(({ entry, variable }) => ({
      entry,
      name: variable.name,
      alignBytes: alignOfType(btf, entry.type),
      sizeBytes: sizeOfType(btf, entry.type) ?? 0,
    }))
    .sort((a, b) => b.alignBytes - a.alignBytes || a.sizeBytes - b.sizeBytes || (a.name < b.name ? -1 : 1));
  let end = 0;
  const vars = variables.map(({ entry, alignBytes, sizeBytes }) => {
    const offset = Math.ceil(end / alignBytes) * alignBytes;
    end = offset + sizeBytes;
    return { ...entry, offset, sizeBytes };
  });
  const types = [...btf.types];
  types[sectionId] = { ...section, sizeBytes: end, vars };
  for (const { type } of vars) {
    const variable = types[type];
    if (variable.kind === 'var') types[type] = { ...variable, linkage: 'global' };
  }
  return { types };
}

/** @param nextMap index that the `.kconfig` map will have. */
export function resolveExterns(context: LoadContext, nextMap: number): Externs {
  const declared = declaredExterns(context);
  const bySymbol = new Map<number, ResolvedExtern>();
  const specs: ExternSpec[] = [];
  const kconfig = kconfigData(context, declared);
  declared.forEach((extern, index) => {
    const { symbol, type, btfId, weak } = extern;
    const { name } = type;
    if (extern.section === '.kconfig') {
      const slot = kconfig?.slots.get(btfId);
      const value =
        kconfig === undefined || slot === undefined
          ? undefined
          : setKconfig(context, extern, kconfig.bytes, slot);
      specs.push({ name, kind: 'kconfig', weak, typeId: type.type, value: value?.value });
      bySymbol.set(symbol.index, {
        name,
        index,
        address: { kind: 'mapValue', map: nextMap, offset: slot?.offset ?? 0 },
        problem: value?.problem,
      });
      return;
    }
    const kernel = type.kind === 'func' ? kernelFunction(context, extern) : kernelVariable(context, extern);
    specs.push({ name, kind: type.kind === 'func' ? 'kfunc' : 'ksym', weak, typeId: type.type });
    bySymbol.set(symbol.index, {
      name,
      index,
      address: { kind: 'ksym', name, btfId: kernel.btfId, typed: kernel.typed, weak },
      call: type.kind === 'func' ? { kind: 'kfunc', name, btfId: kernel.btfId, weak } : undefined,
      problem: kernel.problem,
    });
  });
  const problems = [...bySymbol.values()].flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
  return {
    bySymbol,
    specs,
    problem: problems.find((problem) => !notKnown(problem)),
    kconfigMap:
      kconfig === undefined
        ? undefined
        : {
            spec: dataMap(context, '.kconfig', kconfig.bytes.length, kconfig.bytes, true),
            sectionIndex: -1,
            offset: 0,
            kind: 'data',
          },
  };
}

/** Kconfig externs first, by their places; the others by name. */
function declaredExterns(context: LoadContext): Declared[] {
  const { elf, btf, file } = context;
  const symbols = elf.symbols.filter(isExtern);
  if (symbols.length === 0) return [];
  if (btf === undefined) {
    return refuse(
      file,
      'extern-without-btf',
      `extern '${symbols[0].name}' needs BTF, but the object has none`,
      'Compile with -g.',
    );
  }
  const byName = new Map<string, number>();
  const sections = new Map<number, string>();
  btf.types.forEach((type, id) => {
    if ((type.kind === 'var' || type.kind === 'func') && !byName.has(type.name)) {
      // Kconfig variables were already given a place, and with it another linkage.
      byName.set(type.name, id);
    }
    if (type.kind === 'datasec') for (const entry of type.vars) sections.set(entry.type, type.name);
  });
  const list = symbols.map((symbol): Declared => {
    const btfId = byName.get(symbol.name) ?? 0;
    const type = typeById(btf, btfId);
    if (type.kind !== 'var' && type.kind !== 'func') {
      return refuse(
        file,
        'extern-without-btf',
        `failed to find BTF for extern '${symbol.name}'`,
        'Compile with -g, and define or declare it with __ksym or __kconfig.',
      );
    }
    const section = sections.get(btfId);
    if (section !== '.kconfig' && section !== '.ksyms') {
      return refuse(
        file,
        'unknown-extern',
        section === undefined
          ? `extern '${symbol.name}' is not defined in this object and belongs to no section of externs`
          : `extern '${symbol.name}': unrecognized extern section '${section}'`,
        `Define '${symbol.name}' in this object, link the object that has it (bpftool gen object), or declare it with __ksym or __kconfig.`,
      );
    }
    if (section === '.kconfig' && type.kind === 'func') {
      return refuse(
        file,
        'unknown-extern',
        `extern function '${symbol.name}' is unsupported under .kconfig section`,
      );
    }
    return { symbol, btfId, type, section, weak: symbol.binding === STB.weak };
  });
  const place = (extern: Declared): number => (extern.section === '.kconfig' ? 0 : 1);
  const datasec = typeById(btf, findType(btf, '.kconfig', 'datasec'));
  const order = new Map(datasec.kind === 'datasec' ? datasec.vars.map(({ type }, i) => [type, i]) : []);
  return list.sort(
    (a, b) =>
      place(a) - place(b) ||
      (order.get(a.btfId) ?? 0) - (order.get(b.btfId) ?? 0) ||
      (a.type.name < b.type.name ? -1 : a.type.name > b.type.name ? 1 : 0),
  );
}

function kconfigData(
  context: LoadContext,
  declared: readonly Declared[],
): { readonly bytes: Uint8Array; readonly slots: ReadonlyMap<number, KconfigSlot> } | undefined {
  const { btf } = context;
  if (btf === undefined || !declared.some((extern) => extern.section === '.kconfig')) return undefined;
  const section = typeById(btf, findType(btf, '.kconfig', 'datasec'));
  if (section.kind !== 'datasec' || section.sizeBytes > 1 << 20) return undefined;
  return {
    bytes: new Uint8Array(section.sizeBytes),
    slots: new Map(section.vars.map(({ type, offset, sizeBytes }) => [type, { offset, sizeBytes }])),
  };
}

function kconfigKind(btf: Btf, typeId: number): KconfigKind | undefined {
  const type = resolvedType(btf, typeId);
  switch (type.kind) {
    case 'int':
      if (type.encoding === 'bool') return type.sizeBytes === 1 ? 'bool' : undefined;
      if (type.encoding === 'char' || type.name === 'char') return 'char';
      return type.sizeBytes <= 8 ? 'int' : undefined;
    case 'enum':
      return type.sizeBytes === 4 && type.name === 'libbpf_tristate' ? 'tristate' : undefined;
    case 'array':
      return type.count > 0 && kconfigKind(btf, type.type) === 'char' ? 'string' : undefined;
    default:
      return undefined;
  }
}

interface KconfigResult {
  readonly value?: bigint;
  readonly problem?: Problem;
}

/** Stores an option's value in the section's bytes; a weak one without a value stays zero. */
function setKconfig(
  context: LoadContext,
  extern: Declared,
  bytes: Uint8Array,
  slot: KconfigSlot,
): KconfigResult {
  const { name } = extern.type;
  const { btf, file, options, elf } = context;
  const problem = (code: string, message: string, remedy: string): KconfigResult => ({
    problem: { code, message: `extern (kcfg) '${name}': ${message}`, place: { file }, remedy },
  });
  const kind = btf === undefined ? undefined : kconfigKind(btf, extern.type.type);
  if (btf === undefined || kind === undefined) {
    return problem(
      'bad-kconfig-extern',
      'its type is unsupported',
      'Use bool, char, an integer, enum libbpf_tristate or a char array.',
    );
  }
  const text = name.startsWith('LINUX_') ? virtualKconfig(context, name) : options.kconfig?.get(name);
  if (text === undefined) {
    if (extern.weak) return { value: 0n };
    if (name.startsWith('LINUX_'))
      return problem('unresolved-kconfig', 'unrecognized virtual extern', 'Declare it __weak.');
    return options.kconfig === undefined
      ? problem(
          'unknown-kconfig',
          `not resolved: the kernel's configuration is not known`,
          'Declare it __weak.',
        )
      : problem(
          'unresolved-kconfig',
          'not resolved: the option is not set in the configuration of this kernel',
          'Declare it __weak: it is then 0 on kernels without the option.',
        );
  }
  const mismatch = (): KconfigResult =>
    problem(
      'bad-kconfig-extern',
      `value '${text}' does not fit its type`,
      `Declare '${name}' with the type of the option.`,
    );
  const store = (value: bigint): KconfigResult => {
    writeBits(
      bytes,
      8 * slot.offset,
      8 * slot.sizeBytes,
      elf.littleEndian,
      BigInt.asUintN(8 * slot.sizeBytes, value),
    );
    return { value };
  };
  if (/^[ynm]$/.test(text)) {
    if (kind === 'bool') return text === 'm' ? mismatch() : store(text === 'y' ? 1n : 0n);
    if (kind === 'tristate') return store(text === 'n' ? 0n : text === 'y' ? 1n : 2n);
    return kind === 'char' ? store(BigInt(text.charCodeAt(0))) : mismatch();
  }
  if (text.startsWith('"')) {
    if (kind !== 'string') return mismatch();
    const content = text.slice(1, text.lastIndexOf('"'));
    for (let i = 0; i < Math.min(content.length, slot.sizeBytes - 1); i++)
      bytes[slot.offset + i] = content.charCodeAt(i);
    return {};
  }
  if (!/^-?(0x[0-9a-f]+|\d+)$/i.test(text) || (kind !== 'int' && kind !== 'char')) return mismatch();
  const value = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  const type = resolvedType(btf, extern.type.type);
  const bits = 8 * slot.sizeBytes;
  const signed = type.kind === 'int' && type.encoding === 'signed';
  const fits = signed
    ? BigInt.asIntN(bits, value) === value
    : BigInt.asUintN(bits, value) === BigInt.asUintN(64, value);
  return fits ? store(value) : mismatch();
}

/** Options that no configuration has: what the loader itself knows of the kernel. */
function virtualKconfig(context: LoadContext, name: string): string | undefined {
  switch (name) {
    case 'LINUX_KERNEL_VERSION': {
      const parts = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(context.options.kernelRelease ?? '');
      if (parts === null) return undefined;
      const [major, minor, patch] = [
        Number(parts[1]),
        Number(parts[2]),
        Math.min(255, Number(parts[3] ?? 0)),
      ];
      return String(major * 65536 + minor * 256 + patch);
    }
    case 'LINUX_HAS_BPF_COOKIE':
    case 'LINUX_HAS_SYSCALL_WRAPPER':
      // True of every kernel there is a profile for (x86-64, 5.15 and newer).
      return 'y';
    default:
      return undefined;
  }
}

interface KernelSymbol {
  /** 0 when the kernel has none. */
  readonly btfId: number;
  readonly typed: boolean;
  readonly problem?: Problem;
}

function withoutKernelBtf(context: LoadContext, name: string): KernelSymbol {
  return {
    btfId: 0,
    typed: true,
    problem: {
      code: 'kernel-btf-missing',
      message: `extern '${name}' is looked up in the kernel's BTF, and there is none`,
      place: { file: context.file },
      remedy: 'Give the BTF of a kernel with --btf FILE (for example a copy of /sys/kernel/btf/vmlinux).',
    },
  };
}

function missing(context: LoadContext, what: string, name: string, weak: boolean): KernelSymbol {
  if (weak) return { btfId: 0, typed: true };
  return {
    btfId: 0,
    typed: true,
    problem: {
      code: 'unresolved-ksym',
      message: `extern (${what} ksym) '${name}': not found in kernel ${what === 'func' ? 'or module BTFs' : 'BTF'}`,
      place: { file: context.file },
      remedy: `This kernel has no '${name}': declare it __weak and test it with bpf_ksym_exists(), or choose a kernel that has it.`,
    },
  };
}

function kernelVariable(context: LoadContext, { type, weak }: Declared): KernelSymbol {
  const { btf, options, file } = context;
  // `extern void x __ksym`: an address without a type, from the kernel's symbol table, which every kernel is assumed to have.
  if (btf === undefined || resolveModifiers(btf, type.type) === 0) return { btfId: 0, typed: false };
  if (options.kernelBtf === undefined) return withoutKernelBtf(context, type.name);
  const kernel = options.kernelBtf;
  const btfId = findType(kernel, essentialName(type.name), 'var');
  const found = typeById(kernel, btfId);
  if (found.kind !== 'var') return missing(context, 'var', type.name, weak);
  const localId = resolveModifiers(btf, type.type);
  if (typesCompatible(btf, localId, kernel, resolveModifiers(kernel, found.type)))
    return { btfId, typed: true };
  return {
    btfId: 0,
    typed: true,
    problem: {
      code: 'incompatible-ksym',
      message: `extern (var ksym) '${type.name}': incompatible types`,
      place: { file },
      remedy: `Declare '${type.name}' with the type it has in the kernel.`,
    },
  };
}

function kernelFunction(context: LoadContext, { type, weak }: Declared): KernelSymbol {
  const { btf, options, file } = context;
  if (btf === undefined || options.kernelBtf === undefined) return withoutKernelBtf(context, type.name);
  const kernel = options.kernelBtf;
  const btfId = findType(kernel, essentialName(type.name), 'func');
  const found = typeById(kernel, btfId);
  if (found.kind !== 'func') return missing(context, 'func', type.name, weak);
  if (typesCompatible(btf, type.type, kernel, found.type)) return { btfId, typed: true };
  // A weak one with another prototype counts as missing.
  if (weak) return { btfId: 0, typed: true };
  return {
    btfId: 0,
    typed: true,
    problem: {
      code: 'incompatible-ksym',
      message: `extern (func ksym) '${type.name}': func_proto is incompatible with the kernel's`,
      place: { file },
      remedy: `Declare '${type.name}' with the prototype it has in this kernel.`,
    },
  };
}
