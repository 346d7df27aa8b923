/**
 * Which compiler flags from settings and compile_commands.json are passed on. It is an allowlist: a workspace must not be
 * able to load plugins, read response files, write other outputs or override the compiler's configuration.
 */
import * as path from 'node:path';

export interface FlagChoice {
  readonly accepted: readonly string[];
  /** Flags that were left out and that the user may miss (not: `-c`, `-o`, the input file). */
  readonly refused: readonly string[];
  /** True when a flag says that the target is BPF. */
  readonly targetsBpf: boolean;
}

/** Flags that take a value, joined or as the next argument. */
const WITH_VALUE = ['-isystem', '-iquote', '-idirafter', '-include', '-I', '-D', '-U'];
/** Values of these are paths, made absolute against the command's directory. */
const WITH_PATH = new Set(['-isystem', '-iquote', '-idirafter', '-include', '-I']);
/** Flags that belong to the command line that was recorded, not to the translation; dropped with their value. */
const RECORDED_WITH_VALUE = new Set(['-o', '-x', '-MF', '-MT', '-MQ', '--serialize-diagnostics']);
const RECORDED = new Set(['-c', '-S', '-emit-llvm', '-MD', '-MMD', '-MP', '-M', '-MM', '-pipe']);

const HARMLESS_F = new Set([
  '-fno-builtin',
  '-ffreestanding',
  '-fno-stack-protector',
  '-fno-jump-tables',
  '-fno-common',
  '-fcommon',
  '-fno-strict-aliasing',
  '-fstrict-aliasing',
  '-fwrapv',
  '-fno-wrapv',
  '-fms-extensions',
  '-fshort-wchar',
  '-fsigned-char',
  '-funsigned-char',
  '-fno-inline',
  '-finline-functions',
  '-funroll-loops',
  '-fno-unroll-loops',
  '-fno-vectorize',
  '-fno-slp-vectorize',
  '-fno-asynchronous-unwind-tables',
  '-fno-unwind-tables',
  '-fno-addrsig',
  '-fno-ident',
  '-fno-omit-frame-pointer',
  '-fomit-frame-pointer',
  '-fno-delete-null-pointer-checks',
]);

const ALONE = [
  /^-std=[\w:+]+$/,
  /^-O(?:[0-3sgz]|fast)?$/,
  /^-g(?:dwarf-[45]|[0-3])?$/,
  /^-mcpu=(?:v[1-9]|generic|probe)$/,
  /^-m(?:little|big)-endian$/,
  /^-W(?:no-)?[a-z0-9+][\w+=-]*$/i,
  /^-w$/,
  /^-pedantic(?:-errors)?$/,
  /^-nostdinc$/,
];

/** @param directory what relative paths in flags are relative to. */
export function chooseFlags(flags: readonly string[], directory: string): FlagChoice {
  const accepted: string[] = [];
  const refused: string[] = [];
  let targetsBpf = false;
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i];
    if (flag === '-target' || flag === '--target') {
      targetsBpf ||= isBpf(flags[i + 1] ?? '');
      i++;
      continue;
    }
    if (flag.startsWith('--target=')) {
      targetsBpf ||= isBpf(flag.slice('--target='.length));
      continue;
    }
    if (RECORDED.has(flag)) continue;
    if (RECORDED_WITH_VALUE.has(flag)) {
      i++;
      continue;
    }
    const head = WITH_VALUE.find((name) => flag.startsWith(name));
    if (head !== undefined) {
      let value = flag.slice(head.length);
      if (value === '') {
        if (i + 1 >= flags.length) {
          refused.push(flag);
          continue;
        }
        value = flags[++i];
      }
      // A value that is itself a flag, or a response file, is not what it seems.
      if (value.startsWith('@') || (WITH_PATH.has(head) && value.startsWith('-'))) {
        refused.push(`${head} ${value}`);
        continue;
      }
      if (WITH_PATH.has(head)) accepted.push(head, path.resolve(directory, value));
      else accepted.push(`${head}${value}`);
      continue;
    }
    if (HARMLESS_F.has(flag) || (ALONE.some((form) => form.test(flag)) && !/^-W[alp],/.test(flag))) {
      accepted.push(flag);
      continue;
    }
    if (flag.startsWith('-') || flag.startsWith('@')) refused.push(flag);
    // Anything else is the recorded compiler or input file.
  }
  return { accepted, refused, targetsBpf };
}

const isBpf = (triple: string): boolean => /^bpf(?:el|eb)?(?:-|$)/.test(triple);
