/**
 * Function, line and CO-RE records of `.BTF.ext` by place: sorted once per section, so that asking for one function's
 * records costs no walk through those of all others.
 */
import type { BtfExt, CoreRelocation, FuncInfo, LineInfo } from '../btf/btfExt';

export class CodeInfo {
  private readonly sortedLines = new Map<string, readonly LineInfo[]>();
  private readonly sortedCore = new Map<string, readonly CoreRelocation[]>();
  private readonly functionsAt = new Map<string, ReadonlyMap<number, FuncInfo>>();

  constructor(private readonly ext: BtfExt | undefined) {}

  /** Lines of a section with offsets in [from, to), ascending. */
  lines(section: string, from: number, to: number): readonly LineInfo[] {
    return within(
      remember(this.sortedLines, section, () => sorted(this.ext?.lines.get(section))),
      from,
      to,
    );
  }

  /** CO-RE relocations of a section with offsets in [from, to), ascending. */
  core(section: string, from: number, to: number): readonly CoreRelocation[] {
    return within(
      remember(this.sortedCore, section, () => sorted(this.ext?.core.get(section))),
      from,
      to,
    );
  }

  /** The function record at exactly that offset. */
  function(section: string, offset: number): FuncInfo | undefined {
    const byOffset = remember(this.functionsAt, section, () => {
      const map = new Map<number, FuncInfo>();
      for (const info of this.ext?.functions.get(section) ?? [])
        if (!map.has(info.offset)) map.set(info.offset, info);
      return map;
    });
    return byOffset.get(offset);
  }
}

function remember<T>(known: Map<string, T>, section: string, make: () => T): T {
  let value = known.get(section);
  if (value === undefined) {
    value = make();
    known.set(section, value);
  }
  return value;
}

/** Records of one place keep their order. */
const sorted = <T extends { readonly offset: number }>(list: readonly T[] | undefined): readonly T[] =>
  [...(list ?? [])].sort((a, b) => a.offset - b.offset);

function within<T extends { readonly offset: number }>(
  list: readonly T[],
  from: number,
  to: number,
): readonly T[] {
  const first = (offset: number): number => {
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (list[middle].offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return list.slice(first(from), first(to));
}
