/**
 * Where `#include <…>` looks: the user's own paths come first (as flags), then the system's libbpf and kernel headers
 * where they are installed and new enough, then zig's kernel headers, then ours. Nothing here reads the user's files.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { resourceFolder } from './resources';
import { zigLinuxIncludes, type Compiler } from './findCompiler';

export interface IncludeOptions {
  /** Where the system's headers are; another one for tests. */
  readonly systemFolder?: string;
  /** Whether ours come before the system's (still after the user's). */
  readonly oursFirst?: boolean;
}

/** Flags, in order, to be put after the user's. */
export function includeFlags(
  compiler: Compiler,
  vmlinuxFolder: string | undefined,
  { systemFolder = '/usr/include', oursFirst = false }: IncludeOptions = {},
): string[] {
  const ours = resourceFolder('headers');
  const after: string[] = [];
  const system = systemFolders(systemFolder);
  if (system.length > 0) {
    // clang looks into /usr/include by itself, but not into the architecture's folder; zig into neither.
    after.push(...system);
  } else if (compiler.kind === 'zig') {
    after.push(...zigLinuxIncludes(compiler.path));
  }
  after.push(ours);
  if (vmlinuxFolder !== undefined) after.push(vmlinuxFolder);
  after.push(path.join(ours, 'uapi'));
  const flags: string[] = [];
  if (oursFirst || knowsNoTimers(path.join(systemFolder, 'linux', 'bpf.h')))
    flags.push('-isystem', path.join(ours, 'uapi'));
  if (oursFirst || knowsNoTimers(path.join(systemFolder, 'bpf', 'bpf_helper_defs.h')))
    flags.push('-isystem', ours);
  for (const dir of after) flags.push('-idirafter', dir);
  return flags;
}

const MULTIARCH: Partial<Record<string, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  riscv64: 'riscv64-linux-gnu',
  ppc64: 'powerpc64le-linux-gnu',
  s390x: 's390x-linux-gnu',
};

/** The system's header folders if it has kernel headers for programs; empty elsewhere. */
function systemFolders(base: string): string[] {
  if (!fs.existsSync(path.join(base, 'linux', 'bpf.h'))) return [];
  const folders = [base];
  const arch = MULTIARCH[process.arch];
  if (arch && fs.existsSync(path.join(base, arch, 'asm'))) {
    folders.push(path.join(base, arch));
  }
  return folders;
}

/** Headers from before Linux 5.15 (or a libbpf of that time) know no timers; ours then come first. */
function knowsNoTimers(file: string): boolean {
  try {
    return !/\bbpf_timer\b|\bbpf_timer_init\b/.test(fs.readFileSync(file, 'utf8'));
  } catch {
    return false;
  }
}
