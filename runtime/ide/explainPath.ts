/**
 * The way of a register through a kernel's log: backwards over the printed instructions of the refused path, through copies,
 * spills, calls and returns. The twin, for text, of what the verifier tells of its own paths; it knows only what the log shows.
 */
import type { LogStep } from '../verifier/logReader';
import { mapShown } from './explainStates';

export interface LogCause {
  readonly step: LogStep;
  readonly text: string;
}

const MAX_STEPS = 8;

type Tracked = { readonly reg: number } | { readonly slot: string };

const SET = /^[rw](\d+) (\S*=) (.*)$/;
const STORE = /^\*\(\w+ \*\)\((r\d+) ([+-]\d+)\) = (.*)$/;
const LOAD = /^\*\(\w+ \*\)\((r\d+) ([+-] ?\d+)\)$/;
const BRANCH = /^if (?:\(\w+\) ?)?[rw](\d+) (\S+) (\S+) goto (\S+)/;

const isExit = (step: LogStep): boolean => step.opcode === 0x95;
const isLocalCall = (step: LogStep): boolean => step.text.startsWith('call pc');
const helperOf = (step: LogStep): string | undefined => /^call (\w+)(?:#-?\d+)?$/.exec(step.text)?.[1];

/** Register text as the log last showed it before step `at` of the path. */
export function shownBefore(path: readonly LogStep[], at: number, reg: number): string | undefined {
  const own = path[at].before?.get(reg);
  if (own !== undefined) return own;
  for (let n = at - 1; n >= 0; n--) {
    const step = path[n];
    const shown = step.registers?.get(reg);
    if (shown !== undefined) return shown;
    // A call that the log does not follow has taken the argument registers away.
    if (helperOf(step) !== undefined && reg <= 5) return undefined;
    const set = SET.exec(step.text);
    if (set !== null && Number(set[1]) === reg) return undefined;
    const before = step.before?.get(reg);
    if (before !== undefined) return before;
  }
  return undefined;
}

function sourceWords(step: LogStep): string {
  return (step.source?.text ?? '')
    .replace(/\/\/.*$/, '')
    .replace(/\/\*.*?\*\//g, '')
    .trim();
}

function branchWords(path: readonly LogStep[], at: number, branch: RegExpExecArray): string {
  const step = path[at];
  const taken = path[at + 1].insn !== step.insn + 1;
  const condition = `r${branch[1]} ${branch[2]} ${branch[3]} was ${taken ? 'true' : 'false'}`;
  const source = sourceWords(step);
  return source === '' ? condition : `'${source}': ${condition}`;
}

function callWords(path: readonly LogStep[], at: number, name: string): string {
  const map = mapShown(shownBefore(path, at, 1) ?? '');
  if (name === 'bpf_map_lookup_elem')
    return `looked up ${map === '' ? 'a map' : `in map '${map}'`} here; the result is NULL when there is no such element`;
  if (name === 'bpf_ringbuf_reserve')
    return 'reserved a ring buffer record here; the result is NULL when the buffer is full';
  return `${name} returned it here`;
}

/** The way of register `reg` to the last step of `path`, oldest first. */
export function causeOf(path: readonly LogStep[], reg: number): LogCause[] {
  const found: LogCause[] = [];
  let tracked: Tracked | undefined = { reg };
  const say = (step: LogStep, text: string): void => void found.push({ step, text });
  for (let at = path.length - 2; at >= 0 && tracked !== undefined && found.length < MAX_STEPS; at--) {
    const step = path[at];
    if (isExit(step)) {
      // Back behind a call that has returned: only R0 came from inside.
      if ('reg' in tracked && tracked.reg === 0) continue;
      const call = callOf(path, at);
      if (call < 0) break;
      if ('reg' in tracked && tracked.reg <= 5) {
        say(path[call], `this call left R${tracked.reg} undefined`);
        break;
      }
      at = call;
      continue;
    }
    if (isLocalCall(step)) {
      if (!('reg' in tracked) || tracked.reg === 0 || tracked.reg > 5) break;
      say(step, `argument ${tracked.reg} of the function that is called here`);
      continue;
    }
    tracked = back(path, at, tracked, say);
  }
  return found.reverse();
}

function callOf(path: readonly LogStep[], exitAt: number): number {
  let depth = 0;
  for (let n = exitAt; n >= 0; n--) {
    if (isExit(path[n])) depth++;
    else if (isLocalCall(path[n]) && --depth === 0) return n;
  }
  return -1;
}

function back(
  path: readonly LogStep[],
  at: number,
  tracked: Tracked,
  say: (step: LogStep, text: string) => void,
): Tracked | undefined {
  const step = path[at];
  const helper = helperOf(step);
  if (helper !== undefined) {
    if (path[at + 1].insn !== step.insn + 1) {
      // The helper calls back: the registers there are of its making.
      say(step, `${helper} was given the callback that begins at instruction ${path[at + 1].insn} here`);
      return undefined;
    }
    if (!('reg' in tracked) || tracked.reg > 5) return tracked;
    say(step, tracked.reg === 0 ? callWords(path, at, helper) : `this call left R${tracked.reg} undefined`);
    return undefined;
  }
  const store = STORE.exec(step.text);
  if (store !== null) {
    if (!('slot' in tracked) || store[1] !== 'r10' || store[2] !== tracked.slot) return tracked;
    const from = /^[rw](\d+)$/.exec(store[3]);
    if (from === null) {
      say(step, `the constant ${store[3]} was stored here`);
      return undefined;
    }
    say(step, 'kept on the stack here');
    return { reg: Number(from[1]) };
  }
  if (!('reg' in tracked)) return tracked;
  const branch = BRANCH.exec(step.text);
  if (branch !== null) {
    const about =
      Number(branch[1]) === tracked.reg || /^[rw](\d+)$/.exec(branch[3])?.[1] === String(tracked.reg);
    if (about) say(step, branchWords(path, at, branch));
    return tracked;
  }
  const set = SET.exec(step.text);
  if (set === null || Number(set[1]) !== tracked.reg) return tracked;
  const source = sourceWords(step);
  if (set[2] !== '=') {
    say(step, source === '' ? 'changed here' : `computed here: '${source}'`);
    return tracked;
  }
  const copied = /^[rw](\d+)$/.exec(set[3]);
  if (copied !== null) return { reg: Number(copied[1]) };
  const load = LOAD.exec(set[3]);
  if (load?.[1] === 'r10') return { slot: load[2].replace(' ', '') };
  if (load !== null || set[3].startsWith('*(')) {
    say(step, source === '' ? 'read from memory here' : `read here: '${source}'`);
    return undefined;
  }
  const constant = /^(?:-?\d+|0x[0-9a-f]+|map\[.*|.*\[\d+\].*)$/.test(set[3]);
  if (!constant) {
    say(step, source === '' ? 'changed here' : `computed here: '${source}'`);
    return tracked;
  }
  const shown = step.registers?.get(tracked.reg) ?? path[at + 1].before?.get(tracked.reg) ?? '';
  const map = mapShown(shown);
  if (shown.startsWith('map_ptr')) say(step, map === '' ? 'a map is named here' : `this is map '${map}'`);
  else if (shown.startsWith('map_value'))
    say(step, `this is in global data${map === '' ? '' : ` ('${map}')`}`);
  else if (shown.startsWith('func')) say(step, 'a function is named here');
  else say(step, `set to ${set[3]} here`);
  return undefined;
}
