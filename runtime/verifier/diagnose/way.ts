/**
 * The way of a value to the refused instruction: walked backwards over the instructions of the path, through copies, spills,
 * calls and returns, up to where the value came from, with the conditions on the way that were about it.
 *
 * Works on instructions alone, so it can say where a value came from, never what else it might have been. Where the names
 * come from is the caller's: the verifier knows its program, a log only what it prints.
 */
import type { Insn } from '../../insn/insn';
import { helperByName } from '../../spec/helpers';

export interface WayStep {
  /** Slot of the instruction. */
  readonly insnIdx: number;
  readonly insn: Insn;
  /** For conditional jumps: whether it was taken. */
  readonly taken?: boolean;
}

/** The instructions walked, oldest first, the refused one last; and what they are called. `n` counts steps from 0. */
export interface Way {
  readonly steps: readonly WayStep[];
  /** Text of the source line, trimmed; '' if unknown. */
  source(n: number): string;
  /** The helper or kernel function that a call names; '' for the program's own functions. */
  callee(n: number): string;
  /** Name of the map in argument `reg` of a call; '' if it is none or unknown. */
  mapArgument(n: number, reg: number): string;
  /** What a wide load puts into its register, in words; undefined for a plain number. */
  constant(n: number): string | undefined;
  /** The function that begins at a step, as `name()`. */
  functionAt(n: number): string;
}

export interface Cause {
  /** Step of the way. */
  readonly at: number;
  readonly text: string;
}

/** Where a value came from. */
export interface Origin {
  readonly kind: 'call' | 'load' | 'constant' | 'clobbered' | 'stack';
  readonly at: number;
}

export interface Trace {
  /** Oldest first. */
  readonly causes: readonly Cause[];
  /** Undefined where the way begins before the value does. */
  readonly origin?: Origin;
}

/** Causes shown at most for one value. */
const MAX_CAUSES = 8;

const CLASS = 7;
const LD = 0;
const LDX = 1;
const ST = 2;
const STX = 3;
const ALU = 4;
const JMP = 5;
const JMP32 = 6;
const ALU64 = 7;
const CALL = 0x85;
const EXIT = 0x95;
const MEMORY_MODES = 0xe0;
const MEM = 0x60;
const MEMSX = 0x80;
const MOV = 0xb0;
const ADD = 0x00;
const FRAME_POINTER = 10;
/** BPF_LD_ABS and BPF_LD_IND of one, two and four bytes. */
const PACKET_LOADS: ReadonlySet<number> = new Set([0x20, 0x28, 0x30, 0x40, 0x48, 0x50]);

const isCall = (insn: Insn): boolean => insn.code === CALL;
const isLocalCall = (insn: Insn): boolean => isCall(insn) && insn.src === 1;

/** A value being followed: a register, or a stack slot of the current function. */
type Tracked = { readonly reg: number } | { readonly slot: number };

const CONDITIONS: Readonly<Record<number, string>> = {
  0x10: '==',
  0x20: '>',
  0x30: '>=',
  0x40: '&',
  0x50: '!=',
  0x60: 'signed >',
  0x70: 'signed >=',
  0xa0: '<',
  0xb0: '<=',
  0xc0: 'signed <',
  0xd0: 'signed <=',
};

class Walk {
  readonly causes: Cause[] = [];
  origin: Origin | undefined;
  private tracked: Tracked | undefined;
  /** What constant additions have moved a pointer by since it was taken. */
  private moved = 0;

  constructor(
    private readonly way: Way,
    reg: number,
  ) {
    this.tracked = { reg };
  }

  run(): Trace {
    const { steps } = this.way;
    let at = steps.length - 2;
    while (at >= 0 && this.tracked !== undefined && this.causes.length < MAX_CAUSES) {
      at = this.back(at, this.tracked) - 1;
    }
    return { causes: this.causes.reverse(), ...(this.origin === undefined ? {} : { origin: this.origin }) };
  }

  private say(at: number, text: string): void {
    this.causes.push({ at, text });
  }

  private from(kind: Origin['kind'], at: number): void {
    this.origin = { kind, at };
    this.tracked = undefined;
  }

  private stop(): void {
    this.tracked = undefined;
  }

  private isAbout(...regs: readonly number[]): boolean {
    return this.tracked !== undefined && 'reg' in this.tracked && regs.includes(this.tracked.reg);
  }

  /** One instruction, seen from behind. @returns the step to go on before. */
  private back(at: number, tracked: Tracked): number {
    const { insn } = this.way.steps[at];
    if (insn.code === EXIT) return this.overCall(at, tracked);
    if (isLocalCall(insn)) {
      // Going back through the entry of the function.
      if (!('reg' in tracked) || tracked.reg === 0 || tracked.reg > 5) this.stop();
      else this.say(at, `argument ${tracked.reg} of ${this.way.functionAt(at + 1)}`);
      return at;
    }
    if (isCall(insn)) this.call(at, tracked);
    else if ('slot' in tracked) this.store(at, tracked.slot);
    else this.register(at, tracked.reg);
    return at;
  }

  /** Behind a call that has returned: R0 came from inside, the rest passed it by. */
  private overCall(exitAt: number, tracked: Tracked): number {
    if ('reg' in tracked && tracked.reg === 0) return exitAt;
    const call = callOf(this.way.steps, exitAt);
    if (call < 0) {
      this.stop();
      return exitAt;
    }
    if ('reg' in tracked && tracked.reg <= 5) this.clobbered(call, tracked.reg);
    return call;
  }

  private clobbered(at: number, reg: number): void {
    const name = this.way.callee(at);
    this.say(at, `${name === '' ? 'this call' : `the call of ${name}`} left R${reg} undefined`);
    this.from('clobbered', at);
  }

  private call(at: number, tracked: Tracked): void {
    const { steps } = this.way;
    if (steps[at + 1].insnIdx !== steps[at].insnIdx + 1) {
      // The path left the call for a callback, whose registers are made by the helper.
      const name = this.way.callee(at);
      this.say(at, `${name === '' ? 'the helper' : name} was given ${this.way.functionAt(at + 1)} here`);
      this.stop();
    } else if (this.isAbout(0)) {
      this.say(at, resultWords(this.way, at));
      this.from('call', at);
    } else if ('reg' in tracked && tracked.reg <= 5) {
      this.clobbered(at, tracked.reg);
    }
  }

  private store(at: number, slot: number): void {
    const { insn } = this.way.steps[at];
    const cls = insn.code & CLASS;
    if ((cls !== STX && cls !== ST) || insn.dst !== FRAME_POINTER || insn.off !== slot) return;
    if (cls === STX) {
      this.say(at, 'kept on the stack here');
      this.tracked = { reg: insn.src };
    } else {
      this.say(at, `the constant ${insn.imm} was stored here`);
      this.from('constant', at);
    }
  }

  private register(at: number, reg: number): void {
    const { insn } = this.way.steps[at];
    const cls = insn.code & CLASS;
    if (PACKET_LOADS.has(insn.code)) this.packetLoad(at, reg);
    else if (cls === JMP || cls === JMP32) this.condition(at, reg);
    else if (insn.dst !== reg || cls === ST || cls === STX) return;
    else if (cls === ALU || cls === ALU64) this.computed(at);
    else if (cls === LD) {
      const words = this.way.constant(at);
      if (words !== undefined) this.say(at, words);
      this.from('constant', at);
    } else if (cls === LDX) this.load(at);
  }

  /** The old packet loads are calls of the kernel: they fill R0 and leave R1 to R5 undefined. */
  private packetLoad(at: number, reg: number): void {
    if (reg > 5) return;
    this.say(at, reg === 0 ? 'loaded from the packet here' : `the packet load left R${reg} undefined`);
    this.from(reg === 0 ? 'load' : 'clobbered', at);
  }

  private condition(at: number, reg: number): void {
    const { insn } = this.way.steps[at];
    if (insn.dst !== reg && ((insn.code & 8) === 0 || insn.src !== reg)) return;
    const words = conditionWords(this.way, at);
    if (words !== '') this.say(at, words);
  }

  private computed(at: number): void {
    const { insn } = this.way.steps[at];
    const op = insn.code & 0xf0;
    const byRegister = (insn.code & 8) !== 0;
    if (op === MOV && byRegister && insn.src === FRAME_POINTER) {
      this.say(
        at,
        this.moved === 0
          ? 'the frame pointer was taken here'
          : `the address of a local variable, ${-this.moved} bytes below the top of the stack frame, was taken here`,
      );
      this.from('stack', at);
    } else if (op === MOV && byRegister) {
      this.tracked = { reg: insn.src };
    } else if (op === MOV) {
      this.say(at, `set to ${insn.imm} here`);
      this.from('constant', at);
    } else if (op === ADD && !byRegister) {
      // Where in its object a pointer points is told with the refusal.
      this.moved += insn.imm;
    } else {
      this.sayAbout(at, 'computed here', 'changed here');
    }
  }

  private load(at: number): void {
    const { insn } = this.way.steps[at];
    const mode = insn.code & MEMORY_MODES;
    if (insn.src === FRAME_POINTER && mode === MEM) {
      this.tracked = { slot: insn.off };
      return;
    }
    if (mode === MEM || mode === MEMSX) this.sayAbout(at, 'read here', 'read from memory here');
    this.from('load', at);
  }

  /** Names the source line, unless it is the refused one: that is shown anyway. */
  private sayAbout(at: number, words: string, otherwise: string): void {
    const text = this.way.source(at);
    const refused = this.way.source(this.way.steps.length - 1);
    if (text === '') this.say(at, otherwise);
    else if (text === refused) {
      if (words !== 'computed here') this.say(at, otherwise);
    } else if (this.causes.at(-1)?.text !== `${words}: '${text}'`) this.say(at, `${words}: '${text}'`);
  }
}

/** How a conditional jump went, with the line that it stands in; '' for other jumps. */
export function conditionWords(way: Way, at: number): string {
  const { insn, taken } = way.steps[at];
  const symbol = CONDITIONS[insn.code & 0xf0] as string | undefined;
  if (symbol === undefined) return '';
  const right = (insn.code & 8) !== 0 ? `r${insn.src}` : String(insn.imm);
  const outcome = taken === true ? 'true' : taken === false ? 'false' : 'tested';
  const words = `r${insn.dst} ${symbol} ${right} was ${outcome}`;
  const text = way.source(at);
  return text === '' ? words : `'${text}': ${words}`;
}

/** Where a local call of the path begins, going back from the return behind it. -1 if not found. */
function callOf(steps: readonly WayStep[], exitAt: number): number {
  let depth = 0;
  for (let n = exitAt; n >= 0; n--) {
    const { insn } = steps[n];
    if (insn.code === EXIT) depth++;
    else if (isLocalCall(insn) && --depth === 0) return n;
  }
  return -1;
}

/** What a call left in R0. */
function resultWords(way: Way, at: number): string {
  const name = way.callee(at);
  const map = way.mapArgument(at, 1);
  if (name === 'bpf_map_lookup_elem')
    return `looked up ${map === '' ? 'a map' : `in map '${map}'`} here; the result is NULL when there is no such element`;
  if (name === 'bpf_ringbuf_reserve')
    return 'reserved a ring buffer record here; the result is NULL when the buffer is full';
  const maybeNull = helperByName(name)?.ret.includes('OrNull') === true;
  return `${name === '' ? 'the function' : name} returned it here${maybeNull ? '; the result may be NULL' : ''}`;
}

/** The way of register `reg` to the last step. */
export const traceBack = (way: Way, reg: number): Trace => new Walk(way, reg).run();

/** The newest call of one of `names` after step `after`, or -1. */
export function lastCall(way: Way, names: ReadonlySet<string>, after = -1): number {
  for (let n = way.steps.length - 2; n > after; n--) {
    if (isCall(way.steps[n].insn) && names.has(way.callee(n))) return n;
  }
  return -1;
}
