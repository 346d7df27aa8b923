/** What a kernel has that loaders attach probes and tracepoints to, as its type information tells; and its types themselves. */
import { findType } from '../btf/query';
import type { Btf } from '../btf/types';
import type { Profile } from '../spec/profile';
import { kernelBtfFor, type KernelBtfChoice } from './kernelBtf';

export interface Points {
  hasFunction(name: string): boolean;
  hasTracepoint(name: string): boolean;
}

/** Nothing where there is no type information: then nobody can tell what is missing. */
export function pointsOf(
  profile: Profile,
  choice: KernelBtfChoice = {},
): { readonly points?: Points; readonly kernelTypes?: () => Btf } {
  const kernel = kernelBtfFor(profile, choice);
  if (!kernel.ok) return {};
  const { btf } = kernel.value;
  return {
    kernelTypes: () => btf,
    points: {
      hasFunction: (name) => findType(btf, name, 'func') > 0,
      hasTracepoint: (name) => findType(btf, `btf_trace_${name}`, 'typedef') > 0,
    },
  };
}
