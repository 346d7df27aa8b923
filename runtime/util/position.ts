/**
 * Lines and columns counted from 0 (LSP, arrays) and from 1 (DAP, BTF, compilers, people) are different types;
 * the compiler then finds the off-by-one.
 */
export type Base0 = number & { readonly __base: 0 };
export type Base1 = number & { readonly __base: 1 };

export const base0 = (n: number): Base0 => n as Base0;
export const base1 = (n: number): Base1 => n as Base1;
export const toBase0 = (n: Base1): Base0 => (n - 1) as Base0;
export const toBase1 = (n: Base0): Base1 => (n + 1) as Base1;
