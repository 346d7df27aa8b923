/**
 * Objects that implement an operations table of the kernel (`.struct_ops`): variables of the table's type whose members name
 * programs. Read here: which program implements which member of the kernel's struct, and what libbpf refuses when it fits the
 * object's struct to the kernel's by the names of members. The tables do not become maps: nothing but user space reads them.
 */
import { findType, resolvedType, sizeOfType, typeById } from '../btf/query';
import type { Btf, BtfMember, BtfType } from '../btf/types';
import { findSection } from '../elf/readElf';
import type { ElfRelocation, ElfSection } from '../elf/types';
import { INSN_SIZE_BYTES } from '../insn/decode';
import type { Problem } from '../util/problem';
import type { Code, CodeFunction } from './code';
import type { LoadContext } from './context';
import type { OperationTable } from './objectSpec';
import { essentialName } from './coreTypes';
import { datasecOf } from './objectBtf';

/** Sections of tables; those with a leading `?` are not created without being asked for. */
const SECTIONS = ['.struct_ops', '.struct_ops.link', '?.struct_ops', '?.struct_ops.link'];

/** What a program implements. */
export interface Implementation {
  /** Member of the table. */
  readonly attachTo: string;
  /** The table's struct in the kernel's BTF, and the member's index there. */
  readonly attachBtfId: number;
  readonly memberIndex: number;
}

export interface StructOps {
  /** Why no program of the object can be loaded. */
  readonly problem?: Problem;
  readonly implementations: ReadonlyMap<CodeFunction, Implementation>;
  readonly tables: readonly OperationTable[];
}

type Struct = Extract<BtfType, { kind: 'struct' | 'union' }>;

/** One variable: a table as the object sees it. */
interface Table {
  readonly name: string;
  readonly section: ElfSection;
  readonly offset: number;
  readonly type: Struct;
}

export function readStructOps(context: LoadContext, code: Code): StructOps {
  const { btf, elf } = context;
  const implementations = new Map<CodeFunction, Implementation>();
  const tables: OperationTable[] = [];
  let problem: Problem | undefined;
  if (btf === undefined) return { implementations, tables };
  for (const name of SECTIONS) {
    const section = findSection(elf, name);
    if (section === undefined) continue;
    for (const entry of datasecOf(btf, name)?.type.vars ?? []) {
      const variable = typeById(btf, entry.type);
      const type = variable.kind === 'var' ? resolvedType(btf, variable.type) : undefined;
      if (variable.kind !== 'var' || type?.kind !== 'struct') continue;
      const table = { name: variable.name, section, offset: entry.offset, type };
      const created = !name.startsWith('?');
      if (created)
        tables.push({
          name: table.name,
          linked: name.endsWith('.link'),
          valueSizeBytes: valueSizeOf(context, table),
        });
      const found = fitTable(context, code, table, implementations);
      if (created) problem ??= found;
    }
  }
  return { problem, implementations, tables };
}

/** The kernel keeps a table in a struct of its own, with a head of counters. */
function valueSizeOf({ options }: LoadContext, table: Table): number {
  const kernel = options.kernelBtf;
  if (kernel === undefined) return 0;
  const id = findType(kernel, `bpf_struct_ops_${essentialName(table.type.name)}`, 'struct');
  return id === 0 ? 0 : (sizeOfType(kernel, id) ?? 0);
}

/** Fits one table to the kernel's; notes the programs that its members name. */
function fitTable(
  context: LoadContext,
  code: Code,
  table: Table,
  implementations: Map<CodeFunction, Implementation>,
): Problem | undefined {
  const { btf, file, options } = context;
  // Asked for only now: the kernel's BTF may have to be read first.
  const kernel = options.kernelBtf;
  if (btf === undefined || kernel === undefined) return undefined;
  const refusal = (code: string, message: string, remedy: string): Problem => ({
    code,
    message,
    place: { file },
    remedy,
  });
  const struct = essentialName(table.type.name);
  const attachBtfId = findType(kernel, struct, 'struct');
  const kernelType = kernel.types[attachBtfId];
  if (kernelType?.kind !== 'struct' || findType(kernel, `bpf_struct_ops_${struct}`, 'struct') === 0) {
    return refusal(
      'unknown-struct-ops',
      `struct_ops '${table.name}': struct bpf_struct_ops_${struct} is not found in kernel BTF`,
      `This kernel does not let programs implement 'struct ${struct}': choose another kernel, or put it into SEC("?${table.section.name}").`,
    );
  }
  const relocations = context.elf.relocations.get(table.section.index) ?? [];
  for (const member of table.type.members) {
    const memberIndex = kernelType.members.findIndex((m) => m.name === essentialName(member.name));
    const relocation = relocations.find((r) => r.offset === table.offset + Math.floor(member.offsetBits / 8));
    const program = relocation && programAt(code, relocation);
    const message = (text: string): string => `struct_ops init_kern ${table.name}: ${text}`;
    const remedy = `Leave '${member.name}' out for this kernel, or choose a kernel whose 'struct ${struct}' has it so.`;
    if (memberIndex < 0) {
      if (program === undefined && isZero(btf, table, member)) continue;
      return refusal(
        'struct-ops-member-missing',
        message(`Cannot find member ${member.name} in kernel BTF`),
        remedy,
      );
    }
    const mine = resolvedType(btf, member.type);
    const theirs = resolvedType(kernel, kernelType.members[memberIndex].type);
    if (mine.kind !== theirs.kind) {
      return refusal('struct-ops-member-type', message(`Unmatched member type ${member.name}`), remedy);
    }
    if (mine.kind !== 'ptr') {
      const size = sizeOfType(btf, member.type);
      const wanted = sizeOfType(kernel, kernelType.members[memberIndex].type);
      if (size === wanted) continue;
      return refusal(
        'struct-ops-member-type',
        message(`Error in size of member ${member.name}: ${size ?? 0} != ${wanted ?? -22}(kernel)`),
        remedy,
      );
    }
    if (program === undefined) continue;
    const known = implementations.get(program);
    if (known === undefined) {
      implementations.set(program, { attachTo: member.name, attachBtfId, memberIndex });
    } else if (known.attachBtfId !== attachBtfId || known.memberIndex !== memberIndex) {
      return refusal(
        'struct-ops-reuse',
        message(`func ptr ${member.name}: invalid reuse of prog ${program.name}`),
        'Write one program for each member.',
      );
    }
  }
  return undefined;
}

function programAt(code: Code, relocation: ElfRelocation): CodeFunction | undefined {
  const { symbol } = relocation;
  return code.programs.find(
    (program) =>
      program.section.section.index === symbol.section && program.start * INSN_SIZE_BYTES === symbol.value,
  );
}

function isZero(btf: Btf, table: Table, member: BtfMember): boolean {
  const from = table.offset + Math.floor(member.offsetBits / 8);
  const bytes = table.section.data.subarray(from, from + (sizeOfType(btf, member.type) ?? 0));
  return bytes.every((byte) => byte === 0);
}
