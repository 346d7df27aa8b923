/**
 * The path of a kernel's log as a `Way`: each printed instruction is read back into the instruction that it was, names come from
 * the state that the log shows around it. A line that is no instruction known to us changes nothing on the way.
 */
import { assemble } from '../insn/assemble';
import type { Insn } from '../insn/insn';
import type { LogStep } from './logReader';
import type { Way, WayStep } from '../verifier/diagnose/way';
import { FormatError } from '../util/problem';
import { mapShown } from './explainStates';

const SET = /^[rw](\d+) (\S*=) (.*)$/;
const GOTO = /\bgoto (?:pc)?([+-]\d+)\b/;
const CALLEE = /^call (\w+)(?:#-?\d+)?$/;
const JUMPS: ReadonlySet<number> = new Set([5, 6]);
const NO_CONDITION: ReadonlySet<number> = new Set([0, 8, 9]);
/** A destination that no register has. */
const NO_REGISTER = 15;
const CALL = 0x85;
const LDDW = 0x18;

/** The helper or kernel function that a step calls; undefined for other steps and for the program's own functions. */
export const calleeOf = (step: LogStep): string | undefined =>
  step.text.startsWith('call pc') ? undefined : CALLEE.exec(step.text)?.[1];

/** Register text as the log last showed it before step `at` of the path. */
export function shownBefore(path: readonly LogStep[], at: number, reg: number): string | undefined {
  const own = path[at].before?.get(reg);
  if (own !== undefined) return own;
  for (let n = at - 1; n >= 0; n--) {
    const step = path[n];
    const shown = step.registers?.get(reg);
    if (shown !== undefined) return shown;
    // A call that the log does not follow has taken the argument registers away.
    if (calleeOf(step) !== undefined && reg <= 5) return undefined;
    const set = SET.exec(step.text);
    if (set !== null && Number(set[1]) === reg) return undefined;
    const before = step.before?.get(reg);
    if (before !== undefined) return before;
  }
  return undefined;
}

function insnOf({ opcode, text }: LogStep): Insn {
  const opaque = { code: opcode, dst: NO_REGISTER, src: 0, off: 0, imm: 0 };
  // Whatever a wide load shows for an address, the register is what matters.
  if (opcode === LDDW) return { ...opaque, dst: Number(SET.exec(text)?.[1] ?? NO_REGISTER) };
  if (opcode === CALL) return { ...opaque, src: text.startsWith('call pc') ? 1 : 0 };
  try {
    const [read] = assemble(text) as (Insn | undefined)[];
    // What was read must be what the kernel says it is.
    return read === undefined || read.code !== opcode ? opaque : read;
  } catch (error) {
    if (error instanceof FormatError) return opaque;
    throw error;
  }
}

function stepOf(path: readonly LogStep[], at: number): WayStep {
  const taken = at + 1 < path.length ? isTaken(path[at], path[at + 1].insn) : undefined;
  return {
    insnIdx: path[at].insn,
    insn: insnOf(path[at]),
    ...(taken === undefined ? {} : { taken }),
  };
}

/** Undefined for what is no conditional jump, and where lines of the log are missing behind it. */
function isTaken({ opcode, text, insn }: LogStep, next: number): boolean | undefined {
  if (!JUMPS.has(opcode & 7) || NO_CONDITION.has(opcode >> 4)) return undefined;
  if (next === insn + 1) return false;
  const distance = GOTO.exec(text)?.[1];
  return distance !== undefined && next === insn + 1 + Number(distance) ? true : undefined;
}

const sourceWords = (step: LogStep): string =>
  (step.source?.text ?? '')
    .replace(/\/\/.*$/, '')
    .replace(/\/\*.*?\*\//g, '')
    .trim();

function constantWords(path: readonly LogStep[], at: number): string | undefined {
  const reg = Number(SET.exec(path[at].text)?.[1] ?? NO_REGISTER);
  const shown = path[at].registers?.get(reg) ?? path.at(at + 1)?.before?.get(reg) ?? '';
  const map = mapShown(shown);
  if (shown.startsWith('map_ptr')) return map === '' ? 'a map is named here' : `this is map '${map}'`;
  if (shown.startsWith('map_value')) return `this is in global data${map === '' ? '' : ` ('${map}')`}`;
  return shown.startsWith('func') ? 'a function is named here' : undefined;
}

/** @param path the steps of the log that lead to the refusal, the refused one last */
export function wayOfLog(path: readonly LogStep[]): Way {
  return {
    steps: path.map((_, at) => stepOf(path, at)),
    source: (n) => sourceWords(path[n]),
    callee: (n) => calleeOf(path[n]) ?? '',
    mapArgument: (n, reg) => mapShown(shownBefore(path, n, reg) ?? ''),
    constant: (n) => constantWords(path, n),
    functionAt: (n) => `the function at instruction ${path[n].insn}`,
  };
}
