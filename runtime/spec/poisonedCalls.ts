/**
 * Helper numbers that no kernel has, which loaders put where a program must not come: a refusal that names one is about what
 * the loader could not find. Evidence: what libbpf 1.x leaves in programs with such relocations.
 */

/** In place of an instruction whose CO-RE relocation failed (0xbad2310, "bad relo"). */
export const BAD_RELOCATION_HELPER = 195896080;
/** In place of calls of weak kernel functions that the kernel lacks: this and the index of the extern. */
export const MISSING_KFUNC_BASE = 2002000000;
const MISSING_KFUNCS = 1_000_000;

/** What a helper number stands for that is none. */
export function poisonedCall(id: number): 'relocation' | 'kfunc' | undefined {
  if (id === BAD_RELOCATION_HELPER) return 'relocation';
  return id >= MISSING_KFUNC_BASE && id < MISSING_KFUNC_BASE + MISSING_KFUNCS ? 'kfunc' : undefined;
}
