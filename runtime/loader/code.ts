/**
 * The object's code as the compiler left it: executable sections, the functions in them, relocations by slot.
 * Which functions are programs and which are subprograms is decided here, too; nothing is patched or joined.
 */
import { SHF, SHN, SHT, STB, STT, type ElfRelocation, type ElfSection, type ElfSymbol } from '../elf/types';
import { decode, INSN_SIZE_BYTES } from '../insn/decode';
import type { Insn } from '../insn/insn';
import type { LoadContext } from './context';
import { refuse } from './refusal';

export interface CodeSection {
  readonly section: ElfSection;
  readonly insns: readonly Insn[];
  readonly relocations: ReadonlyMap<number, ElfRelocation>;
  /** Ascending by slot. */
  readonly functions: readonly CodeFunction[];
}

export interface CodeFunction {
  readonly name: string;
  readonly section: CodeSection;
  /** First slot inside the section. */
  readonly start: number;
  readonly count: number;
  readonly symbol: ElfSymbol;
}

export interface Code {
  /** Ascending by section index. */
  readonly sections: readonly CodeSection[];
  /** Entry points, in the order of the file. */
  readonly programs: readonly CodeFunction[];
}

export function readCode(context: LoadContext): Code {
  const sections = context.elf.sections
    .filter(
      (section) =>
        section.type === SHT.progbits && (section.flags & SHF.execInstr) !== 0n && section.sizeBytes > 0,
    )
    .map((section) => readCodeSection(context, section));
  const all = sections.flatMap((section) => section.functions);
  // A lone function in .text is a program without a section name; several are all subprograms.
  const allAreText = sections.every(({ section }) => section.name === '.text');
  const textIsProgram = all.length === 1 || (context.options.relaxed === true && allAreText);
  const programs = all.filter((code) => textIsProgram || code.section.section.name !== '.text');
  return { sections, programs };
}

function readCodeSection(context: LoadContext, section: ElfSection): CodeSection {
  const { file, elf } = context;
  if (section.sizeBytes % INSN_SIZE_BYTES !== 0) {
    refuse(
      file,
      'bad-code-section',
      `section '${section.name}' has ${section.sizeBytes} bytes, which is not a whole number of instructions`,
      'The object is damaged: compile it again.',
      section.fileOffset,
    );
  }
  const relocations = new Map<number, ElfRelocation>();
  for (const relocation of elf.relocations.get(section.index) ?? []) {
    if (relocation.offset % INSN_SIZE_BYTES !== 0) {
      refuse(
        file,
        'bad-relocation',
        `section '${section.name}': relocation at offset ${relocation.offset} is not at an instruction`,
        'The object is damaged: compile it again.',
        section.fileOffset + relocation.offset,
      );
    }
    relocations.set(relocation.offset / INSN_SIZE_BYTES, relocation);
  }
  const functions: CodeFunction[] = [];
  const result: CodeSection = {
    section,
    insns: decode(section.data, elf.littleEndian),
    relocations,
    functions,
  };
  for (const symbol of elf.symbols) {
    if (symbol.section !== section.index || symbol.type !== STT.func) continue;
    checkFunction(context, section, symbol);
    functions.push({
      name: symbol.name,
      section: result,
      start: symbol.value / INSN_SIZE_BYTES,
      count: symbol.sizeBytes / INSN_SIZE_BYTES,
      symbol,
    });
  }
  if (functions.length === 0 && context.options.relaxed === true)
    functions.push(...untypedFunctions(context, result));
  functions.sort((a, b) => a.start - b.start);
  return result;
}

/** Code of compilers that did not mark functions: every global symbol begins one; without any, the section is one. */
function untypedFunctions(context: LoadContext, code: CodeSection): CodeFunction[] {
  const { section, insns } = code;
  const symbols = context.elf.symbols
    .filter(
      (symbol) =>
        symbol.section === section.index && symbol.type === STT.noType && symbol.binding === STB.global,
    )
    .filter((symbol) => symbol.value % INSN_SIZE_BYTES === 0 && symbol.value < section.sizeBytes)
    .sort((a, b) => a.value - b.value);
  if (symbols.length === 0) {
    const symbol: ElfSymbol = {
      index: 0,
      name: section.name,
      type: STT.func,
      binding: STB.global,
      visibility: 0,
      section: section.index,
      value: 0,
      sizeBytes: section.sizeBytes,
    };
    return [{ name: section.name, section: code, start: 0, count: insns.length, symbol }];
  }
  return symbols.map((symbol, i) => {
    const start = symbol.value / INSN_SIZE_BYTES;
    const end = (symbols.at(i + 1)?.value ?? section.sizeBytes) / INSN_SIZE_BYTES;
    return { name: symbol.name, section: code, start, count: end - start, symbol };
  });
}

function checkFunction(context: LoadContext, section: ElfSection, symbol: ElfSymbol): void {
  const { file, options } = context;
  const offset = section.fileOffset + symbol.value;
  if (
    symbol.value % INSN_SIZE_BYTES !== 0 ||
    symbol.sizeBytes % INSN_SIZE_BYTES !== 0 ||
    symbol.value + symbol.sizeBytes > section.sizeBytes
  ) {
    refuse(
      file,
      'bad-function',
      `section '${section.name}': function '${symbol.name}' at ${symbol.value} of ${symbol.sizeBytes} bytes does not fit into it`,
      'The object is damaged: compile it again.',
      offset,
    );
  }
  if (section.name !== '.text' && symbol.binding === STB.local && options.relaxed !== true) {
    refuse(
      file,
      'static-program',
      `section '${section.name}': program '${symbol.name}' is static, which is not supported`,
      `Remove 'static' from '${symbol.name}', or its SEC() if it is meant to be a subprogram.`,
      offset,
    );
  }
}

/** The function that contains a slot of a section. */
export function functionAt(section: CodeSection, slot: number): CodeFunction | undefined {
  let low = 0;
  let high = section.functions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (section.functions[middle].start <= slot) low = middle + 1;
    else high = middle;
  }
  const found = section.functions.at(low - 1);
  return low > 0 && found !== undefined && slot < found.start + found.count ? found : undefined;
}

/** Whether a symbol is declared here but defined elsewhere (in the kernel). */
export const isExtern = (symbol: ElfSymbol): boolean =>
  symbol.section === SHN.undef &&
  (symbol.binding === STB.global || symbol.binding === STB.weak) &&
  symbol.type === STT.noType &&
  symbol.name !== '';
