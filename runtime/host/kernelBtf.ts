/**
 * Type information (BTF) of the kernel that a profile stands for: a file that the user names, else this machine's own when
 * asked for, else the trimmed one that comes with us. Bytes are read and parsed only when somebody needs them.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { readBtf, readBtfWithModules } from '../btf/readBtf';
import type { Btf } from '../btf/types';
import { PROFILES, type Profile } from '../spec/profile';
import { fail, ok, type Result } from '../util/problem';
import { reasonOf } from './compiler';
import { resourceFolder } from './resources';

export interface KernelBtfChoice {
  /** A raw BTF file, or an ELF file with a .BTF section (`vmlinux`). */
  readonly file?: string;
  /** Use /sys/kernel/btf/vmlinux when this machine has it. */
  readonly machine?: boolean;
}

export interface KernelBtf {
  /** With the types of common modules, when it is one of those that come with us. */
  readonly btf: Btf;
  /** Where it is from, for people: `Linux 6.12.117 (Debian)`, a path. */
  readonly origin: string;
}

export const MACHINE_BTF = '/sys/kernel/btf/vmlinux';
const SIZE_LIMIT_BYTES = 256 << 20;
const parsed = new Map<string, Result<KernelBtf>>();

/** Which BTF `kernelBtfFor` would give, without reading it; undefined when there is none. A short word, for caches. */
export function kernelBtfKey(profile: Profile, choice: KernelBtfChoice = {}): string | undefined {
  const file = namedFile(choice);
  if (file === undefined) {
    const nearest = nearestShipped(profile);
    return nearest && `shipped-${nearest.release}`;
  }
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (!stat) return undefined;
  const hash = createHash('sha256').update(`${path.resolve(file)} ${stat.size} ${stat.mtimeMs}`);
  return `file-${hash.digest('hex').slice(0, 16)}`;
}

const namedFile = (choice: KernelBtfChoice): string | undefined =>
  choice.file ?? (choice.machine && fs.existsSync(MACHINE_BTF) ? MACHINE_BTF : undefined);

/** The BTF for a profile. Parsed once per process. */
export function kernelBtfFor(profile: Profile, choice: KernelBtfChoice = {}): Result<KernelBtf> {
  const file = namedFile(choice);
  if (file !== undefined) return once(`file:${path.resolve(file)}`, () => readFile(file));
  const nearest = nearestShipped(profile);
  if (nearest === undefined) {
    return fail({
      code: 'no-kernel-btf',
      message: `there is no kernel type information (BTF) for Linux ${profile.name}`,
      remedy: 'Name a BTF file with --btf or the setting bpfStudio.btf.',
    });
  }
  return once(`shipped:${nearest.name}`, () => readShipped(nearest));
}

/**
 * The profile whose BTF ships with us and that is nearest: itself, else the next newer, else the next older one. The
 * neighbours have the structs that programs of the profile use; small differences are possible, so `origin` says it.
 */
export function nearestShipped(profile: Profile): Profile | undefined {
  const at = PROFILES.findIndex((candidate) => candidate.name === profile.name);
  const order = [...PROFILES.slice(at), ...PROFILES.slice(0, at).reverse()];
  return order.find((candidate) => fs.existsSync(shippedFile(candidate)));
}

/** Modules that are taken to be loaded, because programs call their functions: connection tracking and NAT. */
const SHIPPED_MODULES = ['nf_conntrack', 'nf_nat'];

const shippedFile = (profile: Profile): string => path.join(resourceFolder('btf'), `${profile.name}.btf.br`);

function once(key: string, read: () => Result<KernelBtf>): Result<KernelBtf> {
  const before = parsed.get(key);
  if (before) return before;
  const now = read();
  parsed.set(key, now);
  return now;
}

function readShipped(profile: Profile): Result<KernelBtf> {
  const origin = `Linux ${profile.release} (Debian)`;
  const unpacked = (file: string): Uint8Array =>
    brotliDecompressSync(fs.readFileSync(file), { maxOutputLength: SIZE_LIMIT_BYTES });
  const vmlinux = unpacked(shippedFile(profile));
  const modules = SHIPPED_MODULES.map((module) =>
    path.join(resourceFolder('btf'), `${profile.name}.${module}.btf.br`),
  );
  const btf = readBtfWithModules(
    origin,
    vmlinux,
    modules.filter((file) => fs.existsSync(file)).map(unpacked),
  );
  return btf.ok ? ok({ btf: btf.value, origin }) : btf;
}

function readFile(file: string): Result<KernelBtf> {
  let bytes: Uint8Array;
  try {
    const { size } = fs.statSync(file);
    if (size > SIZE_LIMIT_BYTES * 8) return unreadable(file, 'it is too large');
    bytes = fs.readFileSync(file);
    const raw = btfSection(bytes);
    if (!raw) return unreadable(file, 'it is an ELF file without a .BTF section');
    const btf = readBtf(file, raw);
    return btf.ok ? ok({ btf: btf.value, origin: file }) : btf;
  } catch (error) {
    return unreadable(file, reasonOf(error));
  }
}

/** The bytes themselves when raw; the .BTF section of a 64-bit little-endian ELF file otherwise. */
function btfSection(bytes: Uint8Array): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64 || view.getUint32(0) !== 0x7f454c46) return bytes;
  if (bytes[4] !== 2 || bytes[5] !== 1) return undefined;
  const headers = Number(view.getBigUint64(40, true));
  const entrySize = view.getUint16(58, true);
  const count = view.getUint16(60, true);
  const names = view.getUint16(62, true);
  const section = (index: number): { name: number; offset: number; size: number } | undefined => {
    const at = headers + index * entrySize;
    if (at + 64 > bytes.length) return undefined;
    return {
      name: view.getUint32(at, true),
      offset: Number(view.getBigUint64(at + 24, true)),
      size: Number(view.getBigUint64(at + 32, true)),
    };
  };
  const strings = section(names);
  if (!strings) return undefined;
  for (let i = 0; i < count; i++) {
    const found = section(i);
    if (!found) return undefined;
    const at = strings.offset + found.name;
    if (Buffer.from(bytes.subarray(at, at + 5)).toString('latin1') === '.BTF\0') {
      return found.offset + found.size <= bytes.length
        ? bytes.subarray(found.offset, found.offset + found.size)
        : undefined;
    }
  }
  return undefined;
}

const unreadable = (file: string, why: string): Result<never> =>
  fail({
    code: 'kernel-btf-unreadable',
    message: `${file}: cannot be used as kernel type information: ${why}`,
    place: { file },
    remedy: 'Give the raw BTF of a kernel (/sys/kernel/btf/vmlinux) or a vmlinux with a .BTF section.',
  });
