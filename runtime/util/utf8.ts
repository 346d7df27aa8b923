/** UTF-8 without the platform's decoder: floors below `host` have no globals beyond the language's own. */

/** Malformed bytes become U+FFFD, as everywhere. */
export function utf8Decode(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length;) {
    const first = bytes[i++];
    if (first < 0x80) {
      text += String.fromCharCode(first);
      continue;
    }
    const more =
      first >= 0xf0 && first < 0xf5
        ? 3
        : first >= 0xe0 && first < 0xf0
          ? 2
          : first >= 0xc2 && first < 0xe0
            ? 1
            : 0;
    let code = more === 3 ? first & 0x07 : more === 2 ? first & 0x0f : first & 0x1f;
    // The second byte's range excludes overlong forms, surrogates and code points past U+10FFFF.
    const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    let used = 0;
    while (used < more && i + used < bytes.length) {
      const next = bytes[i + used];
      if (used === 0 ? next < low || next > high : (next & 0xc0) !== 0x80) break;
      code = (code << 6) | (next & 0x3f);
      used++;
    }
    if (more === 0 || used < more) {
      text += '\ufffd';
      i += used;
      continue;
    }
    i += used;
    text += String.fromCodePoint(code);
  }
  return text;
}

export function utf8Encode(text: string): Uint8Array {
  const out: number[] = [];
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0xfffd;
    if (code < 0x80) out.push(code);
    else if (code < 0x800) out.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f));
    else if (code < 0x10000) out.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    else
      out.push(
        0xf0 | (code >> 18),
        0x80 | ((code >> 12) & 0x3f),
        0x80 | ((code >> 6) & 0x3f),
        0x80 | (code & 0x3f),
      );
  }
  return Uint8Array.from(out);
}
