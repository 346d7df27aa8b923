/** Registers as logs print them, in words. Kernels name the types differently; an unknown name is shown as it is. */

/** Name of the map that a printed register belongs to; '' where the kernel does not print it. */
export const mapShown = (text: string): string => /\bmap=([^,)]+)/.exec(text)?.[1] ?? '';

const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^(?:inv|scalar|unknown)/, 'a number'],
  [/^ctx/, "the program's context"],
  [/^map_ptr/, 'a map'],
  [/^map_value/, 'a value'],
  [/^map_key/, 'a key'],
  [/^fp/, 'a stack address'],
  [/^pkt_end/, "the packet's end"],
  [/^pkt_meta/, 'a packet metadata pointer'],
  [/^pkt/, 'a packet pointer'],
  [/^(?:tcp_|xdp_)?sock/, 'a socket'],
  [/^(?:ringbuf_|alloc_)mem/, 'a ring buffer record'],
  [/^mem/, 'memory'],
  [/^func/, 'a function'],
  [/^dynptr/, 'a dynptr'],
  [/^buf|^rd(?:only|wr)_buf/, 'a buffer'],
  [/^arena/, 'an arena address'],
  [/^flow_keys/, 'flow keys'],
  [/^iter/, 'an iterator'],
  [/^(?:rcu_|trusted_|untrusted_|percpu_)*ptr_/, 'a pointer to a kernel structure'],
];

/** A noun phrase for a printed register (`R1=` already removed) or type name; '' when nothing was printed. */
export function describeShown(text: string): string {
  if (text === '') return '';
  const plain = text.replace(/^P(?=-?\d|inv|scalar)/, '').replace(/^inv(?=P?-?\d)P?/, '');
  if (/^-?(?:\d+|0x[0-9a-f]+)$/.test(plain)) return `the number ${plain}`;
  const type = plain.replace(/\(.*$/, '');
  const orNull = type.includes('_or_null') ? ' that may be NULL' : '';
  const map = mapShown(text);
  const size = /^mem/.test(type) ? /\bsz=(\d+)/.exec(text)?.[1] : undefined;
  if (size !== undefined) return `${size} bytes of memory${orNull}`;
  const known = WORDS.find(([pattern]) => pattern.test(type));
  if (known === undefined) return `a pointer (${type})`;
  if (known[1] === 'a map') return map === '' ? 'a map' : `map '${map}'`;
  const ofMap = /^map_/.test(type) && map !== '' ? ` of map '${map}'` : /^map_/.test(type) ? ' of a map' : '';
  return `${known[1]}${ofMap}${orNull}`;
}
