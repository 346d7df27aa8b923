/**
 * The bytes of BTF as a kernel takes them, where it asks for more than reading does: nothing but a header, types and strings, one
 * behind the other, and nothing in fields that mean nothing. Loaders write such bytes; who gives a kernel bytes of their own may not.
 * Evidence: documentation of BTF; bytes changed at random, measured on 6.1, 6.12 and 7.2.
 */
import { FormatError } from '../util/problem';

const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
const HEAD_BYTES = 12;
const STRINGS_MAX = 1 << 24;
const INFO_BITS = 0x9f00ffff;
const FLAG = 0x80000000;
const NUMBER_BITS = 0x0fffffff;
const ENCODINGS: readonly number[] = [0, 1, 2, 4];

interface KindRule {
  /** Words behind the head: always, and for each that the head counts. */
  readonly words?: number;
  readonly wordsEach?: number;
  /** The count says something else than how many follow. */
  readonly countIs?: 'linkage';
  readonly flag?: true;
  readonly nameless?: true;
  /** The head's last word means nothing. */
  readonly untyped?: true;
  /** What follows begins with a name each. */
  readonly named?: true;
  /** Nobody asks for its name. */
  readonly numeric?: true;
}

const REFERENCE: KindRule = { nameless: true };
const COMPOSITE: KindRule = { wordsEach: 3, flag: true, named: true };

/** By kind number of the format. */
const KINDS: readonly (KindRule | undefined)[] = [
  undefined,
  { words: 1, numeric: true },
  REFERENCE,
  { words: 3, nameless: true, untyped: true },
  COMPOSITE,
  COMPOSITE,
  { wordsEach: 2, flag: true, named: true },
  { flag: true, untyped: true },
  {},
  REFERENCE,
  REFERENCE,
  REFERENCE,
  { countIs: 'linkage' },
  { wordsEach: 2, nameless: true, named: true },
  { words: 1 },
  { wordsEach: 3 },
  { numeric: true },
  { words: 1 },
  {},
  { wordsEach: 3, flag: true, named: true },
];
const KIND_NUMBER = 1;

const refuse = (message: string, at: number): never => {
  throw new FormatError('BTF', message, at);
};

/** @throws FormatError for what no kernel takes, whatever the types. */
export function checkKernelFormat(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number): number =>
    at + 4 <= bytes.length ? view.getUint32(at, true) : refuse('it ends too early', at);
  if ((word(0) & 0xffff) !== MAGIC) refuse('wrong magic number', 0);
  if (bytes[2] !== 1) refuse(`unknown version ${bytes[2]}`, 2);
  if (bytes[3] !== 0) refuse('unknown flags', 3);
  const headerBytes = word(4);
  if (headerBytes < HEADER_BYTES || headerBytes > bytes.length) refuse('the header has a wrong size', 4);
  if (bytes.subarray(HEADER_BYTES, headerBytes).some((byte) => byte !== 0))
    refuse('the header says more than is known', HEADER_BYTES);
  const [typeOffset, typeBytes, stringOffset, stringBytes] = [word(8), word(12), word(16), word(20)];
  if (typeOffset !== 0 || typeBytes === 0 || stringOffset !== typeBytes)
    refuse('the parts do not follow each other', 8);
  if (headerBytes + typeBytes + stringBytes !== bytes.length) refuse('the parts do not fill the whole', 8);
  const strings = headerBytes + typeBytes;
  if (stringBytes === 0 || stringBytes > STRINGS_MAX || bytes[strings] !== 0 || bytes[bytes.length - 1] !== 0)
    refuse('the strings do not begin and end with a zero byte', strings);
  const isEmpty = (name: number): boolean => name !== 0 && bytes[strings + name] === 0;
  for (let at = headerBytes; at < strings;) at = checkType(word, at, isEmpty);
}

/** @param isEmpty a name that is given, but says nothing. @returns where the next type begins. */
function checkType(word: (at: number) => number, at: number, isEmpty: (name: number) => boolean): number {
  const [name, info, sizeOrType] = [word(at), word(at + 4), word(at + 8)];
  const kind = (info >>> 24) & 0x1f;
  const count = info & 0xffff;
  const rule = KINDS[kind] ?? refuse(`unknown kind ${kind}`, at);
  if ((info & ~INFO_BITS) !== 0) refuse('unknown bits in a head', at);
  if ((info & FLAG) !== 0 && rule.flag !== true) refuse('a flag that its kind does not have', at);
  if (count > 0 && rule.wordsEach === undefined && rule.countIs === undefined)
    refuse('a count that its kind does not have', at);
  if (name !== 0 && rule.nameless === true) refuse('a name that its kind does not have', at);
  if (sizeOrType !== 0 && rule.untyped === true) refuse('a size that its kind does not have', at);
  if (kind === KIND_NUMBER) {
    const number = word(at + HEAD_BYTES);
    if ((number & ~NUMBER_BITS) !== 0 || !ENCODINGS.includes(number >>> 24))
      refuse('a number of unknown make', at);
  }
  const each = rule.wordsEach ?? 0;
  if (rule.numeric !== true && isEmpty(name)) refuse('a name that says nothing', at);
  for (let i = 0; rule.named === true && i < count; i++)
    if (isEmpty(word(at + HEAD_BYTES + 4 * i * each))) refuse('a name that says nothing', at);
  return at + HEAD_BYTES + 4 * ((rule.words ?? 0) + count * each);
}
