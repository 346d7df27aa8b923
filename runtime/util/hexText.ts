/** Bytes as hexadecimal text, the form in which scenarios, tests and JSON answers carry them. */
import { fail, ok, type Result } from './problem';

const DIGIT_CODES = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
/** So many bytes are written at once: text that grows by a digit at a time is dear where it is long. */
const PIECE_BYTES = 4096;

export function bytesToHex(bytes: Uint8Array): string {
  let text = '';
  const codes = new Uint8Array(2 * Math.min(PIECE_BYTES, bytes.length));
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    const count = Math.min(PIECE_BYTES, bytes.length - start);
    for (let i = 0; i < count; i++) {
      codes[2 * i] = DIGIT_CODES[bytes[start + i] >>> 4];
      codes[2 * i + 1] = DIGIT_CODES[bytes[start + i] & 15];
    }
    text += String.fromCharCode(...codes.subarray(0, 2 * count));
  }
  return text;
}

/** Accepts white space and `:` between bytes and a leading `0x`. */
export function hexToBytes(text: string): Result<Uint8Array> {
  const digits = text.replace(/^\s*0x/i, '').replace(/[\s:]/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) {
    return fail({
      code: 'bad-hex',
      message: `not hexadecimal bytes: '${text.length > 40 ? text.slice(0, 40) + '…' : text}'`,
      remedy: 'Write two hexadecimal digits for every byte.',
    });
  }
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return ok(bytes);
}
