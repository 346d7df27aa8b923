/**
 * The format strings of printing helpers: printable text with conversions `%d %i %u %x %X` (also `l`, `ll`, with flags and
 * width), `%c`, `%s`, `%p`, `%pK`, `%px`, `%ps`, `%pS`, `%pB`, `%pks`, `%pus`, `%pi4`, `%pI4`, `%pi6`, `%pI6`. Each conversion takes one argument.
 * Evidence: fixtures `format-*`, recorded on 6.1, 6.12 and 7.2.
 */

const isSpace = (c: number): boolean => c === 0x20 || (c >= 9 && c <= 13);
const isPlain = (c: number): boolean => isSpace(c) || c >= 0x20;
const isPunctuation = (c: number): boolean =>
  (c >= 0x21 && c <= 0x2f) ||
  (c >= 0x3a && c <= 0x40) ||
  (c >= 0x5b && c <= 0x60) ||
  (c >= 0x7b && c <= 0x7e);
/** What may stand right behind a string or a plain pointer. */
const endsWord = (c: number): boolean => c === 0 || isSpace(c) || isPunctuation(c);

/** A conversion behind its flags and width; what it matches is the whole conversion. */
const NUMBER = /^l{0,2}[iduxX]/;
const WORD = /^(s|pks|pus)/;
const POINTER = /^p([KxsSB]|[iI][46])/;

/** Length of the conversion that `text` begins with (behind `%`), 0 when there is no such conversion. */
function conversionLength(text: string): number {
  const ahead = /^[0+\- ]*([1-9][0-9]*)?/.exec(text)?.[0].length ?? 0;
  const rest = text.slice(ahead);
  const code = (at: number): number => (at < rest.length ? rest.charCodeAt(at) : 0);
  if (rest.startsWith('p') && endsWord(code(1))) return ahead + 1;
  const word = WORD.exec(rest);
  if (word !== null) return endsWord(code(word[0].length)) ? ahead + word[0].length : 0;
  const pointer = POINTER.exec(rest);
  if (pointer !== null) return ahead + pointer[0].length;
  if (rest.startsWith('c')) return ahead + 1;
  const number = NUMBER.exec(rest);
  return number === null ? 0 : ahead + number[0].length;
}

/** Whether the zero-terminated string is no format for `argCount` arguments. */
export function formatProblem(bytes: Uint8Array, argCount: number): boolean {
  const end = bytes.indexOf(0);
  if (end < 0) return true;
  const text = String.fromCharCode(...bytes.subarray(0, end));
  let used = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (!isPlain(c) || c === 0x7f) return true;
    if (text[i] !== '%') continue;
    if (text[i + 1] === '%') {
      i++;
      continue;
    }
    const length = conversionLength(text.slice(i + 1));
    if (used >= argCount || length === 0) return true;
    used++;
    i += length;
  }
  return false;
}
