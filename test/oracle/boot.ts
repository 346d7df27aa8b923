/**
 * One guest run: packs an initial file system, boots a kernel under QEMU's software emulation, and hands out the records
 * that the guest's loader writes over virtio-serial. Nothing is ever loaded into the kernel of the machine that runs this.
 */
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { findProfile } from '../../runtime/spec/profile';
import { repoRoot } from '../support/paths';
import { cpioArchive } from './cpio';

export const cacheDir = process.env.BPF_STUDIO_ORACLE ?? path.join(repoRoot, '.cache', 'oracle');

/** Kernels by profile name. */
export const KERNELS = ['6.1', '6.12', '7.2'] as const;
export type KernelName = (typeof KERNELS)[number];

export const qemuPresent = (): boolean => spawnSync('qemu-system-x86_64', ['--version']).status === 0;

/** Downloads and prepares kernels and loader; quick when nothing is missing. */
export function setUp(): void {
  const result = spawnSync('bash', [path.join(repoRoot, 'test', 'oracle', 'setup.sh')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, BPF_STUDIO_ORACLE: cacheDir },
  });
  if (result.status !== 0) throw new Error('test/oracle/setup.sh failed; its messages stand above');
}

/** Package that the kernel came from: `linux-image-6.12.117+deb12-cloud-amd64`. */
export const kernelPackage = (kernel: KernelName): string =>
  fs.readFileSync(path.join(cacheDir, 'k', kernel, 'package'), 'utf8').trim();

/** What the kernel's image says of itself: `6.12.117+deb12-cloud-amd64 (…) #1 SMP … Debian 6.12.117-1 (2026-…)`. */
export function kernelVersion(kernel: KernelName): string {
  const image = fs.readFileSync(path.join(cacheDir, 'k', kernel, 'vmlinuz'));
  const at = image.readUInt16LE(0x20e) + 0x200;
  return image.toString('latin1', at, image.indexOf(0, at));
}

/**
 * Distributions move on: a kernel of another release than the profile's is no judge of the profile.
 * @returns what there is instead, undefined when the release is the profile's.
 */
export function kernelMoved(kernel: KernelName): string | undefined {
  const version = kernelVersion(kernel);
  const release = findProfile(kernel)?.release ?? '';
  return version.split(/[^0-9.]+/).includes(release) ? undefined : version;
}

/** One framed record of the loader (tags are listed at the top of guest/loader.c). */
export interface GuestRecord {
  readonly tag: string;
  readonly body: Buffer;
}

export interface BootResult {
  readonly records: readonly GuestRecord[];
  /** False when the guest died or hung before its loader was done. */
  readonly finished: boolean;
  readonly console: string;
  readonly seconds: number;
}

export interface BootOptions {
  readonly cpus?: number;
  readonly memoryMib?: number;
  /** Give up on a guest that is silent for this long. */
  readonly silentSeconds?: number;
}

/** A complete record is `@<tag> <length>\n<payload>\n`; a torn one at the end is left out. */
export function parseRecords(bytes: Buffer): GuestRecord[] {
  const records: GuestRecord[] = [];
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(10, at);
    if (newline < 0) break;
    const head = /^@([A-Z]) (\d+)$/.exec(bytes.toString('latin1', at, Math.min(newline, at + 64)));
    if (!head) {
      const next = bytes.indexOf('\n@', at);
      if (next < 0) break;
      at = next + 1;
      continue;
    }
    const end = newline + 1 + Number(head[2]);
    if (end + 1 > bytes.length) break;
    records.push({ tag: head[1], body: bytes.subarray(newline + 1, end) });
    at = end + 1;
  }
  return records;
}

/** Boots `kernel` with `files` under /in and runs the loader with `args`. A guest that dies before its first record is booted again. */
export async function boot(
  kernel: KernelName,
  args: readonly string[],
  files: ReadonlyMap<string, Uint8Array>,
  options: BootOptions = {},
): Promise<BootResult> {
  let result = await bootOnce(kernel, args, files, options);
  for (let attempt = 1; attempt < 3 && result.records.length === 0; attempt++) {
    result = await bootOnce(kernel, args, files, options);
  }
  return result;
}

async function bootOnce(
  kernel: KernelName,
  args: readonly string[],
  files: ReadonlyMap<string, Uint8Array>,
  options: BootOptions,
): Promise<BootResult> {
  const { cpus = 1, memoryMib = 1536, silentSeconds = 600 } = options;
  const kernelDir = path.join(cacheDir, 'k', kernel);
  const work = fs.mkdtempSync(path.join(cacheDir, 'guest-'));
  const [initrd, output, consoleFile] = ['initrd', 'output', 'console'].map((n) => path.join(work, n));
  try {
    const own = cpioArchive(new Map([['in/args', Buffer.from(args.join(' ') + '\n')], ...files]));
    const shared = [path.join(cacheDir, 'base.cpio.gz'), path.join(kernelDir, 'modules.cpio.gz')].map((f) => {
      const bytes = fs.readFileSync(f);
      return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
    });
    fs.writeFileSync(initrd, Buffer.concat([...shared, own]));
    fs.writeFileSync(output, '');
    const memory = memoryMib + Math.ceil((3 * own.length) / (1 << 20));
    // Several virtual CPUs on several threads make a kernel that patches itself trip over its own breakpoints.
    const threads = cpus === 1 ? 'multi' : 'single';
    const started = process.hrtime.bigint();
    const qemu = spawn(
      'qemu-system-x86_64',
      [
        ...['-accel', `tcg,thread=${threads}`, '-cpu', 'max', '-m', String(memory), '-smp', String(cpus)],
        ...[
          '-display',
          'none',
          '-monitor',
          'none',
          '-no-reboot',
          '-nic',
          'none',
          '-serial',
          `file:${consoleFile}`,
        ],
        ...['-device', 'virtio-serial-pci', '-chardev', `file,id=r,path=${output}`],
        ...['-device', 'virtserialport,chardev=r,name=oracle'],
        ...['-kernel', path.join(kernelDir, 'vmlinuz'), '-initrd', initrd],
        '-append',
        'console=ttyS0 loglevel=5 panic=-1 mitigations=off nokaslr softlockup_panic=1 watchdog_thresh=20',
      ],
      { stdio: 'ignore' },
    );
    await new Promise<void>((resolve, reject) => {
      let size = 0;
      let silentSince = process.hrtime.bigint();
      const watch = setInterval(() => {
        const now = fs.statSync(output).size;
        if (now !== size) {
          size = now;
          silentSince = process.hrtime.bigint();
        } else if (process.hrtime.bigint() - silentSince > BigInt(silentSeconds) * 1_000_000_000n)
          qemu.kill('SIGKILL');
      }, 500);
      qemu.on('error', (error) => {
        clearInterval(watch);
        reject(error);
      });
      qemu.on('close', () => {
        clearInterval(watch);
        resolve();
      });
    });
    const records = parseRecords(fs.readFileSync(output));
    return {
      records,
      finished: records.some((r) => r.tag === 'E'),
      console: fs.existsSync(consoleFile) ? fs.readFileSync(consoleFile, 'latin1') : '',
      seconds: Number(process.hrtime.bigint() - started) / 1e9,
    };
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}
