/**
 * Packs the configurations of the measured kernels: the options that are set, a line each, as the kernel's own config file
 * spells them. An option that is not there is not set.
 *
 *   node runtime/host/kconfig/build.mjs 6.1=FILE 6.12=FILE 7.2=FILE
 *
 * FILE is the config file of that very kernel's package.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { brotliCompressSync } from 'node:zlib';

for (const argument of process.argv.slice(2)) {
  const [profile, file] = argument.split('=');
  const set = fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('CONFIG_'));
  const packed = brotliCompressSync(Buffer.from(`${set.join('\n')}\n`));
  fs.writeFileSync(path.join(import.meta.dirname, `${profile}.config.br`), packed);
  process.stdout.write(`${profile}: ${set.length} options packed into ${packed.length} bytes\n`);
}
