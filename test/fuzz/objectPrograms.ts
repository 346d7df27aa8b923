/** Programs of compiled objects as bare programs: maps, types and functions described beside the instructions. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Btf, BtfType } from '../../runtime/btf/types';
import { writeBtf } from '../../runtime/btf/writeBtf';
import { encode } from '../../runtime/insn/encode';
import type { Insn } from '../../runtime/insn/insn';
import { loadObject } from '../../runtime/loader/loadObject';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../../runtime/loader/objectSpec';
import type { RawMap, RawProgram } from '../../runtime/loader/rawProgram';
import { attachTypeByName } from '../../runtime/spec/attachTypes';
import { BTF_ATTACHED } from '../../runtime/spec/loadAttributes';
import { bytesToHex } from '../../runtime/util/hexText';

/** Sections get their sizes from a loader, which is not there: without them the types are complete. */
function plainTypes(btf: Btf): Btf {
  const types = btf.types.map((type): BtfType =>
    type.kind === 'datasec' || type.kind === 'var'
      ? { kind: 'int', name: 'section', sizeBytes: 4, bits: 32, bitOffset: 0, encoding: 'unsigned' }
      : type,
  );
  return { ...btf, types };
}

const shortName = (name: string, prefix: string): string => name.slice(prefix.length).toLowerCase();

function mapOf(spec: MapSpec, btfHex: string | undefined): RawMap {
  const typed = btfHex !== undefined && spec.section === undefined && spec.valueTypeId !== 0;
  return {
    type: shortName(spec.type, 'BPF_MAP_TYPE_'),
    key: spec.keySizeBytes,
    value: spec.valueSizeBytes,
    max: spec.maxEntries,
    flags: spec.flags,
    ...(typed ? { btf: btfHex, key_type: spec.keyTypeId, value_type: spec.valueTypeId } : {}),
    ...(spec.inner ? { inner: mapOf(spec.inner, btfHex) } : {}),
    ...(spec.frozen ? { freeze: 1 } : {}),
  };
}

/** Undefined for programs that need more of a kernel than a description can say: its functions, variables, attach points. */
function programOf(
  object: ObjectSpec,
  program: ProgramSpec,
  btfHex: string | undefined,
): RawProgram | undefined {
  if (program.problem !== undefined || BTF_ATTACHED.has(program.type)) return undefined;
  const insns: Insn[] = program.insns.slice();
  const maps: MapSpec[] = [];
  const indexOf = (map: number): number => {
    const spec = object.maps[map];
    const at = maps.indexOf(spec);
    return at >= 0 ? at : maps.push(spec) - 1;
  };
  for (const [slot, reference] of program.references) {
    const insn = insns[slot];
    if (reference.kind === 'map') insns[slot] = { ...insn, src: 1, imm: indexOf(reference.map) };
    else if (reference.kind === 'mapValue') {
      insns[slot] = { ...insn, src: 2, imm: indexOf(reference.map) };
      insns[slot + 1] = { ...insns[slot + 1], imm: reference.offset };
    } else if (reference.kind === 'subprog')
      insns[slot] = { ...insn, src: insn.code === 0x85 ? 1 : 4, imm: reference.target - slot - 1 };
    else if (reference.kind !== 'helper') return undefined;
  }
  const known = program.functions.every((f) => f.btfId !== 0);
  const attach = program.attachType === undefined ? undefined : attachTypeByName(program.attachType);
  return {
    type: shortName(program.type, 'BPF_PROG_TYPE_'),
    ...(attach ? { expected_attach_type: attach.id } : {}),
    ...(program.sleepable ? { flags: 16 } : {}),
    license: object.license === '' ? 'x' : object.license,
    insns: bytesToHex(encode(insns)),
    ...(maps.length > 0 ? { maps: maps.map((spec) => mapOf(spec, btfHex)) } : {}),
    ...(known && btfHex !== undefined
      ? { btf: btfHex, func_info: program.functions.map((f) => [f.insnIdx, f.btfId] as const) }
      : {}),
  };
}

/** The programs of the objects at `paths`, folders included, in the order of their names. */
export function objectPrograms(paths: readonly string[]): RawProgram[] {
  return paths.flatMap((place) => {
    if (fs.statSync(place).isDirectory())
      return objectPrograms(
        fs
          .readdirSync(place)
          .sort()
          .map((name) => path.join(place, name)),
      );
    if (!place.endsWith('.o')) return [];
    const object = loadObject(place, fs.readFileSync(place), { relaxed: true });
    if (!object.ok) return [];
    const { btf, programs } = object.value;
    const btfHex = btf && bytesToHex(writeBtf(plainTypes(btf)));
    return programs.flatMap((program) => programOf(object.value, program, btfHex) ?? []);
  });
}
