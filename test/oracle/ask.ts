/**
 * `node out/test/oracle/ask.js --kernel LIST [--level 0|1|2] OBJECT…`: asks real kernels and prints their answers as JSON lines, one
 * per program, each with the kernel's name. The command line's `verify --on-kernel` runs it; it installs nothing.
 * Exit status 3: something that setup.sh installs is missing (said on standard error, one line).
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { cacheDir, KERNELS, kernelPackage, qemuPresent, type KernelName } from './boot';
import { verifyOnKernel } from './verifyObjects';

const MISSING = 3;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      kernel: { type: 'string', default: KERNELS.join(',') },
      level: { type: 'string', default: '1' },
    },
    allowPositionals: true,
  });
  if (!qemuPresent()) {
    console.error('qemu-system-x86_64 is missing');
    return MISSING;
  }
  for (const kernel of values.kernel.split(',') as KernelName[]) {
    if (!KERNELS.includes(kernel)) {
      console.error(`there is no real kernel ${kernel}; there are ${KERNELS.join(', ')}`);
      return 2;
    }
    const parts = [
      path.join('k', kernel, 'vmlinuz'),
      path.join('k', kernel, 'modules.cpio.gz'),
      'base.cpio.gz',
    ];
    if (parts.some((part) => !fs.existsSync(path.join(cacheDir, part)))) {
      console.error(`kernel ${kernel} is not installed in ${cacheDir}`);
      return MISSING;
    }
    const level = ([0, 1, 2] as const)[Number(values.level)] ?? 1;
    for (const answer of await verifyOnKernel(kernel, positionals, level)) {
      console.log(JSON.stringify({ ...answer, profile: kernel, package: kernelPackage(kernel) }));
    }
  }
  return 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error((error instanceof Error ? error.message : String(error)).split('\n')[0]);
    process.exitCode = 2;
  },
);
