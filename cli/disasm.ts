/** `bpf-studio disasm`: the instructions of each program as the kernel's log writes them, with source lines between. */
import { isWide } from '../runtime/insn/decode';
import { disassembleWithOpcode } from '../runtime/insn/disassemble';
import type { Insn } from '../runtime/insn/insn';
import type { InsnReference, ObjectSpec, ProgramSpec } from '../runtime/loader/objectSpec';
import { helperById } from '../runtime/spec/helpers';
import { chosenPrograms, loadInput } from './loadInput';
import { EXIT, toJson, type ExitStatus, type Streams } from './output';
import { formatOf, type SharedOptions } from './options';

export interface DisasmCommandOptions extends SharedOptions {
  readonly program?: string;
}

interface Row {
  readonly insn: number;
  readonly text: string;
  /** Name of the function that begins here. */
  readonly function?: string;
  readonly source?: { readonly file: string; readonly line: number; readonly text: string };
}

export async function disasmCommand(
  name: string,
  options: DisasmCommandOptions,
  streams: Streams,
): Promise<ExitStatus> {
  const format = formatOf(options.format, ['text', 'json']);
  const { object, profile } = await loadInput(name, options, streams);
  const programs = chosenPrograms(object, options.program).map((program) => ({
    name: program.name,
    section: program.section,
    type: program.type,
    insns: rowsOf(program, object),
  }));
  if (format === 'json') {
    streams.out(toJson({ file: name, kernel: profile.name, programs }));
    return EXIT.ok;
  }
  for (const program of programs) {
    streams.out(`${name}: ${program.name} (${program.section})\n`);
    for (const row of program.insns) {
      if (row.function) streams.out(`${row.function}:\n`);
      if (row.source)
        streams.out(`; ${row.source.text.trim()} @ ${row.source.file.split('/').pop()}:${row.source.line}\n`);
      streams.out(`${row.insn}: ${row.text}\n`);
    }
  }
  return EXIT.ok;
}

function rowsOf(program: ProgramSpec, object: ObjectSpec): Row[] {
  const lines = new Map(program.lines.map((entry) => [entry.insnIdx, entry]));
  const functions = new Map(program.functions.map((entry) => [entry.insnIdx, entry.name]));
  const rows: Row[] = [];
  for (let slot = 0; slot < program.insns.length; slot++) {
    const reference = program.references.get(slot);
    const entry = lines.get(slot);
    rows.push({
      insn: slot,
      text: disassembleWithOpcode(program.insns, slot, {
        callName: (insn, at) => callName(insn, program.references.get(at)),
        wideText: () => wideText(reference, object),
      }),
      function: functions.get(slot),
      source: entry && { file: entry.file, line: entry.line, text: entry.text },
    });
    if (isWide(program.insns[slot])) slot++;
  }
  return rows;
}

function callName(insn: Insn, reference: InsnReference | undefined): string | undefined {
  if (reference?.kind === 'kfunc' || reference?.kind === 'subprog') return reference.name;
  return insn.src === 0 ? helperById(insn.imm)?.name : undefined;
}

function wideText(reference: InsnReference | undefined, object: ObjectSpec): string | undefined {
  switch (reference?.kind) {
    case 'map':
      return `map[${object.maps[reference.map].name}]`;
    case 'mapValue':
      return `map[${object.maps[reference.map].name}][0]+${reference.offset}`;
    case 'subprog':
      return `func[${reference.name}]`;
    case 'ksym':
      return `ksym[${reference.name}]`;
    default:
      return undefined;
  }
}
