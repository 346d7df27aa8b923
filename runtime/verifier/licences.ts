/** Licences that open GPL-only helpers and kernel structures to a program. */
const GPL_COMPATIBLE: ReadonlySet<string> = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);

/** Whether the string of the `license` section counts as GPL compatible. */
export const isGplCompatible = (license: string): boolean => GPL_COMPATIBLE.has(license);
