/**
 * Reads a BPF object file as libbpf 1.7 would and says what it asks of a kernel: programs, maps, externs. Nothing is
 * loaded anywhere. What libbpf refuses is refused with its reason; a problem of one program leaves the others usable.
 */
import { parseBtfExt } from '../btf/btfExt';
import { parseBtf, readBtfStrings } from '../btf/readBtf';
import { findSection, readElf } from '../elf/readElf';
import { utf8Decode } from '../util/utf8';
import { fail, ok, parseWith, type Result } from '../util/problem';
import { CodeInfo } from './codeInfo';
import { readCode, type CodeFunction } from './code';
import type { LoadContext, LoadOptions } from './context';
import { CoreRelocator } from './coreRelocations';
import { layOutKconfig, resolveExterns } from './externs';
import { readGlobalData } from './globalData';
import { fillIn, hasLegacyMaps, readLegacyMaps } from './legacyMaps';
import { ARENA_SECTION, linkProgram, MAX_OBJECT_INSNS, type LinkInput } from './link';
import { readMapDefinitions } from './mapDefinitions';
import { completeBtf } from './objectBtf';
import type { MapSpec, ObjectSpec, ProgramSpec } from './objectSpec';
import { describeProgram } from './programs';
import { Refusal } from './refusal';
import { readStructOps, type StructOps } from './structOps';

export type { LoadOptions } from './context';

/**
 * @param file path or label, for messages and for the names of data maps.
 * @returns the object, or the one problem for which it cannot be loaded at all.
 */
export function loadObject(file: string, bytes: Uint8Array, options: LoadOptions = {}): Result<ObjectSpec> {
  const elf = readElf(file, bytes);
  if (!elf.ok) return elf;
  const context: LoadContext = { file, elf: elf.value, options, warnings: [] };
  const parsed = parseWith(
    file,
    () => {
      try {
        return ok(load(withBtf(context)));
      } catch (error) {
        if (error instanceof Refusal) return fail<ObjectSpec>(error.problem);
        throw error;
      }
    },
    'The object is damaged: compile it again (clang -target bpf -O2 -g -c).',
  );
  return parsed.ok ? parsed.value : parsed;
}

function withBtf(context: LoadContext): LoadContext {
  const section = findSection(context.elf, '.BTF');
  if (section === undefined) return context;
  const btf = layOutKconfig(completeBtf(parseBtf(section.data), context.elf), context.elf);
  const extSection = findSection(context.elf, '.BTF.ext');
  const ext = extSection && parseBtfExt(extSection.data, readBtfStrings(section.data));
  return { ...context, btf, ext };
}

function load(context: LoadContext): ObjectSpec {
  const { file, elf, btf } = context;
  const code = readCode(context);
  const maps = [...readLegacyMaps(context), ...readMapDefinitions(context, code), ...readGlobalData(context)];
  const externs = resolveExterns(context, maps.length);
  if (externs.kconfigMap !== undefined) maps.push(externs.kconfigMap);
  const structOps = readStructOps(context, code);
  const problem = externs.problem ?? structOps.problem;
  const info = new CodeInfo(context.ext);
  const core = new CoreRelocator(context, info);
  const budget = { insns: MAX_OBJECT_INSNS };
  const input: LinkInput = {
    context,
    code,
    maps,
    jumpTables: [],
    externs,
    info,
    budget,
    relocated: (fn) => core.relocate(fn),
  };
  return {
    file,
    littleEndian: elf.littleEndian,
    license: readLicense(context),
    programs: code.programs
      .map((main) => withTable(context, structOps, main, loadProgram(input, main)))
      .map((program) => {
        // Externs are looked up before any code is: the first that is missing is what every program is told.
        if (externs.problem !== undefined && program.problem?.code === externs.problem.code)
          return { ...program, problem: externs.problem };
        return program.problem === undefined && problem !== undefined ? { ...program, problem } : program;
      }),
    maps: maps
      .map(({ spec }) => withArenaVariables(context, context.options.relaxed === true ? fillIn(spec) : spec))
      .concat(input.jumpTables),
    operationTables: structOps.tables,
    btf,
    externs: externs.specs,
    warnings: context.warnings,
  };
}

/** An arena begins with the object's variables in it. */
function withArenaVariables({ elf }: LoadContext, spec: MapSpec): MapSpec {
  if (spec.type !== 'BPF_MAP_TYPE_ARENA') return spec;
  const section = findSection(elf, ARENA_SECTION);
  return section === undefined ? spec : { ...spec, data: section.data };
}

function loadProgram(input: LinkInput, main: CodeFunction): ProgramSpec {
  const description = describeProgram(input.context, main);
  try {
    return { ...description, ...linkProgram(input, main) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return {
      ...description,
      insns: [],
      references: new Map(),
      functions: [],
      lines: [],
      origins: [],
      problem: error.problem,
    };
  }
}

/** A program of an operations table with the member that it implements; one that no table names cannot be loaded. */
function withTable(
  context: LoadContext,
  structOps: StructOps,
  main: CodeFunction,
  program: ProgramSpec,
): ProgramSpec {
  if (program.type !== 'BPF_PROG_TYPE_STRUCT_OPS') return program;
  const implementation = structOps.implementations.get(main);
  if (implementation !== undefined) return { ...program, ...implementation };
  if (program.problem !== undefined || structOps.problem !== undefined) return program;
  if (context.options.kernelBtf === undefined) return program;
  return {
    ...program,
    problem: {
      code: 'struct-ops-unused',
      message: `program '${program.name}': SEC("struct_ops") program isn't referenced anywhere, did you forget to use it?`,
      place: { file: context.file },
      remedy:
        'Name it in a variable of the table: SEC(".struct_ops") struct … = { .member = (void *)program };',
    },
  };
}

/** The license string; libbpf takes at most 63 characters of it. */
function readLicense(context: LoadContext): string {
  const section = findSection(context.elf, 'license');
  // Objects as old as that: without a license no program of theirs would load.
  if (section === undefined) return context.options.relaxed === true && hasLegacyMaps(context) ? 'GPL' : '';
  const end = section.data.indexOf(0);
  return utf8Decode(section.data.subarray(0, Math.min(end < 0 ? section.data.length : end, 63)));
}
