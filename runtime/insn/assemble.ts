/**
 * Text to instructions: reads what `disassemble` writes in either dialect (with or without `12: (b7) ` before it), and
 * labels, so that tests and people can write programs by hand.
 *
 *   r1 = 5            mov; beyond 32 bits, or followed by `ll`, or after `(18)`: a wide load
 *   r1 = 0x3 ll src 1 a wide load with a pseudo source (1 map, 2 map value, 4 function …)
 *   call bpf_x#1      helper 1;  call 1 likewise;  call kernel-function#7 or kfunc#7: kernel function
 *   call pc+3, call name      local call;  goto name, if r1 == 0 goto name
 *
 * Comments start with `;`, `//` or `#` at the start of a word.
 */
import { FormatError } from '../util/problem';
import { OPCODES, type OpcodeRow } from '../spec/opcodes';
import type { Insn } from './insn';

export interface AssembleOptions {
  /** Helper number for `call name` where `name` is no label. */
  helperId?(name: string): number | undefined;
}

interface Draft {
  row: OpcodeRow;
  dst: number;
  src: number;
  off: number;
  imm: number;
  /** High half of a wide load. */
  wide?: number;
  /** A label, and the field that takes the distance to it. */
  label?: string;
  labelField?: 'off' | 'imm';
  line: number;
}

const rows = Object.entries(OPCODES) as [string, OpcodeRow][];
const find = (test: (row: OpcodeRow) => boolean): OpcodeRow | undefined =>
  rows.find(([, row]) => test(row))?.[1];

const NUMBER = '[+-]?\\s*(?:0x[0-9a-f]+|\\d+)';
const PLACE = `\\(\\s*r(\\d+)\\s*(${NUMBER})?\\s*\\)`;
const POINTER = `\\(\\s*([us])(8|16|32|64)\\s*\\*\\s*\\)\\s*${PLACE}`;
const pattern = (text: string): RegExp => new RegExp(`^${text.replace(/ /g, '\\s*')}$`, 'i');

const WIDE = pattern(`r(\\d+) = (${NUMBER})( ll)?(?: src (\\d+))?`);
const UNARY_NEG = pattern('([rw])(\\d+) = -\\s*[rw](\\d+)');
const ENDIAN = pattern('r(\\d+) = (be|le|bswap)(16|32|64) r(\\d+)');
const CAST = pattern(`r(\\d+) = addr_space_cast \\( r(\\d+) , (${NUMBER}) , (${NUMBER}) \\)`);
const ALU = pattern(
  `([rw])(\\d+) (s?[-+*/|&%^]|<<|s?>>|) = (?:\\( s(8|16|32) \\))? (?:[rw](\\d+)|(${NUMBER}))`,
);
const LOAD = pattern(`[rw](\\d+) = \\* ${POINTER}`);
const PACKET = pattern(`r0 = \\* \\( u(8|16|32) \\* \\) skb \\[ (?:r(\\d+))? \\+? (${NUMBER})? \\]`);
const STORE = pattern(`\\* ${POINTER} = (?:[rw](\\d+)|(${NUMBER}))`);
const LOCK = pattern(`lock \\* ${POINTER} ([+|&^]) = [rw](\\d+)`);
const FETCH = pattern(`[rw](\\d+) = atomic(?:64)?_fetch_(\\w+) \\( ${POINTER} , [rw](\\d+) \\)`);
const XCHG = pattern(`[rw](\\d+) = (?:atomic(?:64)?_xchg|xchg(?:_64|32_32)) \\( ${POINTER} , [rw](\\d+) \\)`);
const CMPXCHG = pattern(
  `[rw]0 = (?:atomic(?:64)?_cmpxchg|cmpxchg(?:_64|32_32)) \\( ${POINTER} , [rw]0 , [rw](\\d+) \\)`,
);
const ACQUIRE = pattern(`[rw](\\d+) = load_acquire \\( ${POINTER} \\)`);
const RELEASE = pattern(`store_release \\( ${POINTER} , [rw](\\d+) \\)`);
const JUMP = new RegExp(
  `^if\\s+([rw])(\\d+)\\s*(==|!=|s?>=|s?<=|s?>|s?<|&)\\s*(?:[rw](\\d+)|(${NUMBER}))\\s+goto\\s+(\\S+)$`,
  'i',
);
const GOTO = /^(goto|gotol|may_goto)\s+(\S+)$/i;
const CALL = /^call\s+(\S+)$/i;

/** @throws FormatError with the line's number (1-based) as `offset`. */
export function assemble(text: string, options: AssembleOptions = {}): Insn[] {
  const drafts: Draft[] = [];
  const labels = new Map<string, number>();
  let slots = 0;
  text.split('\n').forEach((raw, index) => {
    let line = raw.replace(/(?:;|\/\/|(?:^|\s)#).*$/, '').trim();
    const label = /^([A-Za-z_.$][\w.$]*):$/.exec(line);
    if (label !== null) {
      labels.set(label[1], slots);
      return;
    }
    const prefix = /^(?:\d+:\s*)?(?:\(([0-9a-f]{2})\)\s*)?/i.exec(line);
    line = line.slice(prefix?.[0].length ?? 0);
    if (line === '') return;
    const draft = readLine(line, index + 1, prefix?.[1], options);
    drafts.push(draft);
    slots += draft.wide === undefined ? 1 : 2;
  });

  const insns: Insn[] = [];
  for (const draft of drafts) {
    if (draft.label !== undefined) {
      const to = labels.get(draft.label);
      if (to === undefined) throw new FormatError('assembly', `no label '${draft.label}'`, draft.line);
      draft[draft.labelField ?? 'off'] = to - insns.length - 1;
    }
    const { row, dst, src, off, imm } = draft;
    if (dst > 15 || src > 15 || off !== (off << 16) >> 16)
      throw new FormatError('assembly', 'register or offset out of range', draft.line);
    insns.push({ code: row.code, dst, src, off, imm });
    if (draft.wide !== undefined) insns.push({ code: 0, dst: 0, src: 0, off: 0, imm: draft.wide });
  }
  return insns;
}

function readLine(line: string, at: number, opcode: string | undefined, options: AssembleOptions): Draft {
  const draft = (row: OpcodeRow | undefined, fields: Partial<Draft> = {}): Draft => {
    if (row === undefined) throw new FormatError('assembly', `no such instruction: '${line}'`, at);
    return {
      row,
      dst: 0,
      src: row.src ?? 0,
      off: row.off ?? 0,
      imm: row.imm ?? 0,
      line: at,
      ...fields,
    };
  };
  const big = (text: string): bigint => {
    const tidy = text.replace(/\s/g, '');
    const magnitude = BigInt(tidy.replace(/^[+-]/, ''));
    return tidy.startsWith('-') ? -magnitude : magnitude;
  };
  const small = (text: string | undefined): number => {
    const value = text === undefined ? 0n : big(text);
    if (value < -0x8000_0000n || value > 0xffff_ffffn)
      throw new FormatError('assembly', `${text} does not fit 32 bits`, at);
    return Number(BigInt.asIntN(32, value));
  };
  const bits = (text: string): number => Number(text);
  let m: RegExpExecArray | null;

  if ((m = WIDE.exec(line)) !== null) {
    const value = big(m[2]);
    const narrow = value >= -0x8000_0000n && value <= 0x7fff_ffffn;
    if (m[3] !== undefined || m[4] !== undefined || opcode === '18' || !narrow) {
      return draft(OPCODES.lddw, {
        dst: Number(m[1]),
        src: Number(m[4] ?? 0),
        imm: Number(BigInt.asIntN(32, value)),
        wide: Number(BigInt.asIntN(32, value >> 32n)),
      });
    }
  }
  if ((m = UNARY_NEG.exec(line)) !== null) {
    const width = m[1] === 'r' ? 64 : 32;
    return draft(
      find((row) => row.kind === 'neg' && row.width === width),
      { dst: Number(m[2]) },
    );
  }
  if ((m = ENDIAN.exec(line)) !== null) {
    const [, dst, symbol, width] = m;
    return draft(
      find((row) => row.kind === 'endian' && row.symbol === symbol && row.width === bits(width)),
      { dst: Number(dst) },
    );
  }
  if ((m = CAST.exec(line)) !== null) {
    return draft(OPCODES.addrSpaceCast, {
      dst: Number(m[1]),
      src: Number(m[2]),
      imm: (small(m[3]) << 16) | (small(m[4]) & 0xffff),
    });
  }
  if ((m = ALU.exec(line)) !== null) {
    const [, letter, dst, sign, cast, src, imm] = m;
    const width = letter === 'r' ? 64 : 32;
    if (cast !== undefined) {
      return draft(
        find((row) => row.kind === 'movsx' && row.width === width && row.fromWidth === bits(cast)),
        { dst: Number(dst), src: Number(src) },
      );
    }
    const source = src === undefined ? 'imm' : 'reg';
    const row = find(
      (r) => r.kind === 'alu' && r.width === width && r.source === source && r.symbol === `${sign}=`,
    );
    return draft(row, { dst: Number(dst), src: Number(src ?? 0), imm: small(imm) });
  }
  if ((m = PACKET.exec(line)) !== null) {
    const [, width, src, imm] = m;
    const kind = src === undefined ? 'loadAbs' : 'loadInd';
    return draft(
      find((row) => row.kind === kind && row.width === bits(width)),
      { src: Number(src ?? 0), imm: small(imm) },
    );
  }
  if ((m = LOAD.exec(line)) !== null) {
    const [, dst, sign, width, base, off] = m;
    const kind = sign === 's' ? 'loadSigned' : 'load';
    return draft(
      find((row) => row.kind === kind && row.width === bits(width)),
      { dst: Number(dst), src: Number(base), off: small(off) },
    );
  }
  if ((m = STORE.exec(line)) !== null) {
    const [, , width, base, off, src, imm] = m;
    const kind = src === undefined ? 'storeImm' : 'store';
    return draft(
      find((row) => row.kind === kind && row.width === bits(width)),
      { dst: Number(base), off: small(off), src: Number(src ?? 0), imm: small(imm) },
    );
  }
  const atomic = (
    kind: string,
    width: string,
    base: string,
    off: string,
    src: string,
    symbol?: string,
  ): Draft =>
    draft(
      find(
        (row) =>
          row.kind === kind && row.width === bits(width) && (symbol === undefined || row.symbol === symbol),
      ),
      { dst: Number(base), off: small(off), src: Number(src) },
    );
  if ((m = LOCK.exec(line)) !== null) return atomic('atomic', m[2], m[3], m[4], m[6], `${m[5]}=`);
  if ((m = FETCH.exec(line)) !== null) return atomic('atomicFetch', m[4], m[5], m[6], m[7], m[2]);
  if ((m = XCHG.exec(line)) !== null) return atomic('atomicXchg', m[3], m[4], m[5], m[6]);
  if ((m = CMPXCHG.exec(line)) !== null) return atomic('atomicCmpxchg', m[2], m[3], m[4], m[5]);
  if ((m = ACQUIRE.exec(line)) !== null) return atomic('loadAcquire', m[3], m[1], m[5], m[4]);
  if ((m = RELEASE.exec(line)) !== null) return atomic('storeRelease', m[2], m[3], m[4], m[5]);
  if ((m = JUMP.exec(line)) !== null) {
    const [, letter, dst, symbol, src, imm, to] = m;
    const width = letter === 'r' ? 64 : 32;
    const source = src === undefined ? 'imm' : 'reg';
    const row = find(
      (r) => r.kind === 'jump' && r.width === width && r.source === source && r.symbol === symbol,
    );
    return draft(row, {
      dst: Number(dst),
      src: Number(src ?? 0),
      imm: small(imm),
      ...target(to, 'off', small),
    });
  }
  if ((m = GOTO.exec(line)) !== null) {
    const word = m[1].toLowerCase();
    if (word === 'gotol') return draft(OPCODES.gotol, target(m[2], 'imm', small));
    return draft(word === 'goto' ? OPCODES.goto : OPCODES.mayGoto, target(m[2], 'off', small));
  }
  if ((m = CALL.exec(line)) !== null) {
    const named = /^(.*)#(-?\d+)$/.exec(m[1]);
    if (named !== null) {
      const kernel = named[1] === 'kernel-function' || named[1] === 'kfunc';
      return draft(kernel ? OPCODES.callKfunc : OPCODES.callHelper, { imm: Number(named[2]) });
    }
    if (/^-?(?:0x[0-9a-f]+|\d+)$/i.test(m[1])) return draft(OPCODES.callHelper, { imm: small(m[1]) });
    const id = options.helperId?.(m[1]);
    if (id !== undefined) return draft(OPCODES.callHelper, { imm: id });
    return draft(OPCODES.callLocal, target(m[1], 'imm', small));
  }
  if ((m = /^(callx|gotox)\s+r(\d+)$/i.exec(line)) !== null)
    return draft(m[1].toLowerCase() === 'callx' ? OPCODES.callx : OPCODES.gotox, { dst: Number(m[2]) });
  if (line.toLowerCase() === 'exit') return draft(OPCODES.exit);
  throw new FormatError('assembly', `not understood: '${line}'`, at);
}

/** A jump's target: `pc+3`, `+3`, `-0x2` or a label. */
function target(text: string, field: 'off' | 'imm', small: (text: string) => number): Partial<Draft> {
  const distance = /^(?:pc)?([+-](?:0x[0-9a-f]+|\d+))$/i.exec(text);
  if (distance !== null) return { [field]: small(distance[1]) };
  return { label: text, labelField: field };
}
