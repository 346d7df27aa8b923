/** Names of things for explanations: functions, source text, what a register is in words. */
import type { ProgramSpec } from '../../loader/objectSpec';
import type { RegState } from '../regState';
import { MAYBE_NULL, MEM_RINGBUF } from '../regState';

/** Whose names are wanted; all that is known of a program when only its log is there. */
export interface Named {
  readonly program: Pick<ProgramSpec, 'name' | 'lines' | 'functions'>;
}

/** Source text of the line that an instruction came from, trimmed of blanks and comments; '' if unknown. */
export function sourceText(env: Named, insn: number): string {
  let text = '';
  for (const line of env.program.lines) {
    if (line.insnIdx > insn) break;
    text = line.text;
  }
  return text
    .replace(/\/\/.*$/, '')
    .replace(/\/\*.*?\*\//g, '')
    .trim();
}

/** Name of the function that an instruction belongs to. */
export function functionAt(env: Named, insn: number): string {
  let name = env.program.name;
  for (const func of env.program.functions) {
    if (func.insnIdx > insn) break;
    name = func.name;
  }
  return name;
}

const OTHER_TYPES: Readonly<Partial<Record<RegState['type'], string>>> = {
  dynptrPtr: 'a dynptr',
  buf: 'a buffer',
  arena: 'an arena address',
  flowKeys: 'flow keys',
};

/** What a register is, as a noun phrase about the user's program. */
export function describe(reg: RegState): string {
  const map = reg.map === null ? '' : ` of map '${reg.map.name}'`;
  const orNull = (reg.flags & MAYBE_NULL) !== 0 ? ' that may be NULL' : '';
  switch (reg.type) {
    case 'notInit':
      return 'an uninitialised value';
    case 'scalar':
      return reg.bits.mask === 0n ? `the number ${BigInt.asIntN(64, reg.bits.value)}` : 'a number';
    case 'ctx':
      return "the program's context";
    case 'mapPtr':
      return reg.map === null ? 'a map' : `map '${reg.map.name}'`;
    case 'mapValue':
      return `a value${map}${orNull}`;
    case 'mapKey':
      return `a key${map}`;
    case 'stack':
      return 'a stack address';
    case 'packet':
      return 'a packet pointer';
    case 'packetMeta':
      return 'a packet metadata pointer';
    case 'packetEnd':
      return "the packet's end";
    case 'socket':
    case 'sockCommon':
    case 'tcpSock':
    case 'xdpSock':
      return `a socket${orNull}`;
    case 'mem':
      return (reg.flags & MEM_RINGBUF) !== 0
        ? `a ring buffer record${orNull}`
        : `${reg.memSize} bytes of memory${orNull}`;
    case 'func':
      return 'a function';
    case 'btfId':
      return `a pointer to a kernel structure${orNull}`;
    default:
      return `${OTHER_TYPES[reg.type] ?? `a pointer (${reg.type})`}${orNull}`;
  }
}
