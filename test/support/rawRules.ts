/**
 * The rule book's programs that no compiler writes: `test/fixtures/rulebook/raw.json`, one bare program a line, as instructions in
 * text (`asm`) or bytes (`insns`), otherwise in the form that `verify --raw` takes.
 */
import * as fs from 'node:fs';
import { assemble } from '../../runtime/insn/assemble';
import { encode } from '../../runtime/insn/encode';
import type { RawProgram } from '../../runtime/loader/rawProgram';
import { bytesToHex } from '../../runtime/util/hexText';
import { fixture } from './paths';

interface RawRule extends Omit<RawProgram, 'id' | 'insns'> {
  readonly name: string;
  readonly asm?: readonly string[];
  readonly insns?: string;
}

export function rawRules(): (RawProgram & { readonly id: string })[] {
  const rules = JSON.parse(fs.readFileSync(fixture('rulebook', 'raw.json'), 'utf8')) as RawRule[];
  return rules.map(({ name, asm, insns, ...rest }) => ({
    ...rest,
    id: name,
    insns: insns?.replace(/\s/g, '') ?? bytesToHex(encode(assemble((asm ?? []).join('\n')))),
  }));
}
