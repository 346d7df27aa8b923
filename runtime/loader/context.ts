/**
 * What the parts of the loader share while one object is read: the parsed file, its BTF, the options, and the warnings
 * collected so far. Lives only during `loadObject`.
 */
import type { BtfExt } from '../btf/btfExt';
import type { Btf } from '../btf/types';
import type { ElfFile } from '../elf/types';
import type { Problem } from '../util/problem';

export interface LoadOptions {
  /** BTF of the kernel that the object is meant for: CO-RE, attach targets, kernel functions and variables. */
  readonly kernelBtf?: Btf;
  /** Accept what the reference loader refuses but an older one took; for judging corpora. */
  readonly relaxed?: boolean;
  /** The kernel's configuration for `__kconfig` externs, `CONFIG_HZ` → `250`, as written in a config file; may be partial. */
  readonly kconfig?: ReadonlyMap<string, string>;
  /** `6.12.117`, for the extern LINUX_KERNEL_VERSION. */
  readonly kernelRelease?: string;
}

export interface LoadContext {
  readonly file: string;
  readonly elf: ElfFile;
  readonly options: LoadOptions;
  readonly btf?: Btf;
  readonly ext?: BtfExt;
  readonly warnings: Problem[];
}

export function warn(context: LoadContext, code: string, message: string, remedy?: string): void {
  context.warnings.push({ code, message, place: { file: context.file }, remedy });
}

/** The name that an object gives itself in the kernel: the file's name up to its first dot. */
export function objectName(file: string): string {
  const base = file.slice(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1);
  const dot = base.indexOf('.');
  return dot < 0 ? base : base.slice(0, dot);
}
