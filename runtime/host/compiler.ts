/**
 * Compiles one C file, saved or not, to a BPF object: plain bytes and diagnostics out. Deterministic for the same text,
 * flags and compiler. It never runs anything but the compiler, with flags from the allowlist.
 *
 * Unsaved text is written to a temporary file of the same name that begins with a `#line` naming the real one, so that
 * diagnostics, debug information and relative includes are as if it were saved.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Problem } from '../util/problem';
import { runProgram } from './childProcess';
import {
  compilerHint,
  complaintWithoutPlace,
  parseDiagnostics,
  type CompilerDiagnostic,
} from './compilerDiagnostics';
import { zigEnvironment, type Compiler } from './findCompiler';
import { includeFlags } from './includePaths';

export interface CompileRequest {
  /** Path of the C file; made absolute. */
  readonly file: string;
  /** Its text when it is not what is on disk. */
  readonly text?: string;
  /** Already through `chooseFlags`. */
  readonly flags: readonly string[];
  /** Folder that holds a `vmlinux.h` for the kernel in question; asked for only when the text needs it. */
  readonly vmlinuxFolder?: () => Promise<string | undefined>;
  readonly signal?: AbortSignal;
  readonly timeLimitMs?: number;
  /** Where the system's headers are; another one for tests. */
  readonly systemFolder?: string;
}

export interface CompileOutcome {
  /** The object, when there is one. */
  readonly object?: Uint8Array;
  readonly diagnostics: readonly CompilerDiagnostic[];
  /** Why there is no object: the first error, or what went wrong outside the text. */
  readonly problem?: Problem;
  readonly cancelled: boolean;
}

const TIME_LIMIT_MS = 60_000;
const OBJECT_LIMIT_BYTES = 64 << 20;

export async function compile(compiler: Compiler, request: CompileRequest): Promise<CompileOutcome> {
  const file = path.resolve(request.file);
  const folder = path.dirname(file);
  let text = request.text;
  if (text === undefined) {
    try {
      text = fs.readFileSync(file, 'utf8');
    } catch (error) {
      return failed({
        code: 'file-unreadable',
        message: `${request.file}: cannot be read: ${reasonOf(error)}`,
        place: { file: request.file },
      });
    }
  }
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-cc-'));
  try {
    const lineShift = request.text === undefined ? 0 : 1;
    let input = file;
    if (lineShift === 1) {
      input = path.join(scratch, path.basename(file));
      fs.writeFileSync(input, `#line 1 "${file.replace(/[\\"]/g, '\\$&')}"\n${text}`);
    }
    const output = path.join(scratch, 'out.o');
    const attempt = async (
      vmlinuxFolder: string | undefined,
      oursFirst = false,
    ): ReturnType<typeof runProgram> =>
      runProgram(
        compiler.path,
        [
          ...fixedFlags(compiler),
          // The scratch file stands for the real one: names in debug information and quoted includes.
          `-fdebug-prefix-map=${scratch}=${folder}`,
          ...(lineShift === 1 ? ['-iquote', folder] : []),
          ...request.flags,
          ...includeFlags(compiler, vmlinuxFolder, { systemFolder: request.systemFolder, oursFirst }),
          '-c',
          input,
          '-o',
          output,
        ],
        {
          cwd: folder,
          env: compiler.kind === 'zig' ? zigEnvironment() : {},
          timeLimitMs: request.timeLimitMs ?? TIME_LIMIT_MS,
          signal: request.signal,
        },
      );
    const wantsVmlinux = text.includes('vmlinux.h');
    let run = await attempt(wantsVmlinux ? await request.vmlinuxFolder?.() : undefined);
    // A header of the user's, or our own stand-in for a kernel header, may want it too.
    if (
      !wantsVmlinux &&
      run.exitCode !== 0 &&
      /'(?:vmlinux|bpf_studio_uapi)\.h' file not found/.test(run.stderr)
    ) {
      run = await attempt(await request.vmlinuxFolder?.());
    }
    // The system's kernel headers may be older than the kernel in question: then what stands in ours is tried.
    if (run.exitCode !== 0 && MISSING_KERNEL_NAME.test(run.stderr)) {
      const again = await attempt(await request.vmlinuxFolder?.(), true);
      if (again.exitCode === 0 || again.end === 'cancelled') run = again;
    }
    if (run.end === 'cancelled') return { diagnostics: [], cancelled: true };
    const diagnostics = parseDiagnostics(run.stderr, lineShift).map((d) => named(d, scratch, file));
    if (run.end === 'timeLimit') {
      return failed({
        code: 'compile-timeout',
        message: `${request.file}: the compiler did not finish in time`,
        place: { file: request.file },
        remedy: 'Look for an include that never ends or a huge macro.',
      });
    }
    if (run.end === 'notStarted') {
      return failed({
        code: 'compiler-unusable',
        message: `the compiler ${compiler.path} could not be started`,
        remedy: 'Check the setting bpfStudio.compiler.path.',
      });
    }
    if (run.exitCode !== 0) return { ...failed(whyNot(request.file, diagnostics, run.stderr)), diagnostics };
    if (fs.statSync(output).size > OBJECT_LIMIT_BYTES) {
      return failed({
        code: 'object-too-large',
        message: `${request.file}: the object is larger than 64 MiB`,
        place: { file: request.file },
      });
    }
    return { object: fs.readFileSync(output), diagnostics, cancelled: false };
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

/** What a compiler says of a name that `linux/bpf.h` or libbpf got later than the installed ones. */
const MISSING_KERNEL_NAME = /(?:undeclared|incomplete) .*'(?:struct )?(?:bpf|BPF|xdp|XDP)_/;

/** What makes an object that the loader and the debugger can use. Users' flags follow and may override the level. */
function fixedFlags(compiler: Compiler): string[] {
  const common = [
    '-O2',
    '-g',
    '-gdwarf-4',
    '-mcpu=v3',
    '-Wall',
    '-Wno-unused-command-line-argument',
    '-Wno-unknown-warning-option',
    '-fno-stack-protector',
    '-fno-color-diagnostics',
    '-fno-caret-diagnostics',
    '-fdiagnostics-print-source-range-info',
    '-D__TARGET_ARCH_x86',
  ];
  if (compiler.kind === 'clang') return ['--target=bpf', ...common];
  return ['cc', '-target', 'bpfel-freestanding-none', ...common, '-fno-sanitize=all', '-fno-spell-checking'];
}

function named(diagnostic: CompilerDiagnostic, scratch: string, file: string): CompilerDiagnostic {
  const real = (name: string): string =>
    path.dirname(name) === scratch ? file : path.resolve(path.dirname(file), name);
  return {
    ...diagnostic,
    file: real(diagnostic.file),
    notes: diagnostic.notes.map((note) => named(note, scratch, file)),
    includedFrom: diagnostic.includedFrom.map((from) => ({ ...from, file: real(from.file) })),
  };
}

function whyNot(shown: string, diagnostics: readonly CompilerDiagnostic[], stderr: string): Problem {
  const first = diagnostics.find((d) => d.severity === 'error');
  if (first) {
    const own = path.resolve(shown) === first.file;
    const hint = compilerHint(first.message);
    return {
      code: 'compile-error',
      message: first.message,
      place: { file: own ? shown : first.file, line: first.line, column: first.column },
      ...(hint !== undefined && { remedy: hint }),
    };
  }
  const complaint =
    complaintWithoutPlace(stderr) ?? stderr.split('\n').find((line) => line.trim() !== '') ?? '';
  return {
    code: 'compiler-failed',
    message: `the compiler failed: ${complaint || 'it gave no reason'}`,
    place: { file: shown },
    remedy: 'Check the flags in bpfStudio.compiler.flags and compile_commands.json.',
  };
}

const failed = (problem: Problem): CompileOutcome => ({ diagnostics: [], problem, cancelled: false });

/** The operating system's reason without its call and path: "no such file or directory". */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const parts = /^[A-Z]+: ([^,]+),/.exec(text);
  return parts ? parts[1] : text;
}
