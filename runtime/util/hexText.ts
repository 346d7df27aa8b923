/** Bytes as hexadecimal text, the form in which scenarios, tests and JSON answers carry them. */
import { fail, ok, type Result } from './problem';

export const bytesToHex = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += (byte < 16 ? '0' : '') + byte.toString(16);
  return text;
};

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
