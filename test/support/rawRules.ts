/**
 * The rule book's programs that no compiler writes: `test/fixtures/rulebook/raw.json`, one bare program a line, as instructions in
 * text (`asm`) or bytes (`insns`), otherwise in the form that `verify --raw` takes. What a program attaches to is named (`attach`),
 * because kernels number it differently.
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
  readonly attach?: string;
}

/** The programs as a kernel gets them whose BTF has these types. */
export function rawRules(
  kernelTypes: readonly { readonly name: string; readonly kind: string }[],
): (RawProgram & { readonly id: string })[] {
  const rules = JSON.parse(fs.readFileSync(fixture('rulebook', 'raw.json'), 'utf8')) as RawRule[];
  const idOf = (name: string): number =>
    kernelTypes.findIndex((type) => type.name === name && (type.kind === 'func' || type.kind === 'typedef'));
  return rules.map(({ name, asm, insns, attach, ...rest }) => ({
    ...rest,
    ...(attach !== undefined && { attach_btf_id: Math.max(idOf(attach), 0) }),
    id: name,
    insns: insns?.replace(/\s/g, '') ?? bytesToHex(encode(assemble((asm ?? []).join('\n')))),
  }));
}
