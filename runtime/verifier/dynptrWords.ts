/** Kinds of dynptrs as the kernel's messages and logs spell them. */
import type { DynptrKind } from './regState';

const KIND_WORDS: Readonly<Record<DynptrKind, string>> = {
  local: 'local',
  ringbuf: 'ringbuf',
  skb: 'skb',
  xdp: 'xdp',
  skbMeta: 'skb_meta',
  file: 'file',
};

export const dynptrKindWord = (of: DynptrKind): string => KIND_WORDS[of];
