/**
 * The settings as the server uses them. Whatever a client sends, the result is complete and of the right types: a
 * value of the wrong type falls back to its default, silently, as VS Code marks it in the settings editor.
 */
import { DEFAULT_PROFILE, findProfile } from '../runtime/spec/profile';

export interface Settings {
  readonly files: readonly string[];
  readonly kernels: readonly string[];
  readonly verifyOn: 'change' | 'save' | 'manual';
  readonly verifyDelayMs: number;
  readonly timeLimitMs: number;
  readonly compilerPath: string;
  readonly compilerFlags: readonly string[];
  readonly kernelBtf: string;
}

export const DEFAULT_SETTINGS: Settings = {
  files: ['**/*.bpf.c'],
  kernels: [DEFAULT_PROFILE],
  verifyOn: 'change',
  verifyDelayMs: 300,
  timeLimitMs: 30_000,
  compilerPath: '',
  compilerFlags: [],
  kernelBtf: '',
};

/** Member of anything: undefined where there is none. */
const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

const strings = (value: unknown, otherwise: readonly string[]): readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : otherwise;

const text = (value: unknown): string => (typeof value === 'string' ? value.trim() : '');

const between = (value: unknown, least: number, most: number, otherwise: number): number =>
  typeof value === 'number' && Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : otherwise;

/** Reads the section `bpfStudio` as a client sent it. */
export function readSettings(section: unknown): Settings {
  const d = DEFAULT_SETTINGS;
  const kernels = strings(member(section, 'kernels'), d.kernels).filter(
    (name) => findProfile(name) !== undefined,
  );
  const verifyOn = member(section, 'verifyOn');
  const compiler = member(section, 'compiler');
  return {
    files: strings(member(section, 'files'), d.files),
    kernels: kernels.length > 0 ? [...new Set(kernels)] : d.kernels,
    verifyOn: verifyOn === 'save' || verifyOn === 'manual' ? verifyOn : 'change',
    verifyDelayMs: between(member(section, 'verifyDelay'), 50, 10_000, d.verifyDelayMs),
    timeLimitMs: 1000 * between(member(section, 'timeLimit'), 1, 600, d.timeLimitMs / 1000),
    compilerPath: text(member(compiler, 'path')),
    compilerFlags: strings(member(compiler, 'flags'), d.compilerFlags),
    kernelBtf: text(member(section, 'btf')),
  };
}
