/**
 * What an editor says of a helper function: its C prototype, who may call it on the chosen kernels, and what to mind.
 * Facts only, from the spec tables; Markdown out.
 */
import { helperAllowed, kernelHasHelper } from '../spec/helperPrograms';
import { helperByName } from '../spec/helpers';
import { HELPER_PROTOTYPES } from '../spec/helperPrototypes';
import { findProfile, type Profile } from '../spec/profile';
import { PROG_TYPES } from '../spec/progTypes';
import { tokenizeC } from './cTokens';

/** Word at a character of a line that may name a helper, with its extent. */
export function helperWordAt(
  lineText: string,
  character: number,
): { readonly name: string; readonly start: number; readonly end: number } | undefined {
  const token = tokenizeC(lineText).find(({ start, end }) => start <= character && character <= end);
  if (token === undefined || token.kind !== 'word' || !token.text.startsWith('bpf_')) return undefined;
  return { name: token.text, start: token.start, end: token.end };
}

/** Markdown about a helper for the given kernels; undefined when there is no such helper. */
export function helperMarkdown(name: string, kernels: readonly string[]): string | undefined {
  const row = helperByName(name);
  if (row === undefined) return undefined;
  const prototype = HELPER_PROTOTYPES[row.id];
  const parts: string[] = [];
  if (prototype !== undefined) parts.push(`\`\`\`c\n${prototype};\n\`\`\``);
  const notes: string[] = [];
  if (row.gplOnly === true) notes.push('only for programs with a GPL-compatible licence');
  if (row.maySleep === true) notes.push('only in sleepable programs');
  if (row.changesPacket === true) notes.push('packet pointers must be checked again after it');
  if (row.ret.endsWith('OrNull')) notes.push('the result may be NULL: test it before use');
  if (row.since !== undefined) notes.push(`since Linux ${row.since}`);
  parts.push(`Helper ${row.id}${notes.length > 0 ? ` · ${notes.join(' · ')}` : ''}`);
  for (const kernel of kernels) {
    const profile = findProfile(kernel);
    if (profile !== undefined) parts.push(`**Linux ${kernel}**: ${callers(profile, row.id)}`);
  }
  return parts.join('\n\n');
}

/** Program types that may call a helper; the shorter of the two lists, those that may or those that may not. */
function callers(profile: Profile, id: number): string {
  if (!kernelHasHelper(profile, id)) return 'does not have it';
  const may: string[] = [];
  const mayNot: string[] = [];
  for (const { name } of PROG_TYPES) {
    const short = name.replace('BPF_PROG_TYPE_', '').toLowerCase();
    const answer = helperAllowed(profile, name, undefined, id);
    if (answer === 'yes') may.push(short);
    else if (answer === 'no') mayNot.push(short);
  }
  if (may.length === 0) return 'no measured program type may call it';
  if (mayNot.length === 0) return 'every program type may call it';
  if (mayNot.length < may.length) return `every program type may call it, except ${mayNot.join(', ')}`;
  return `for ${may.join(', ')}`;
}
