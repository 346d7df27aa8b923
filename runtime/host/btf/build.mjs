/**
 * Packs the kernels' type information that BPF Studio ships: one `<profile>.btf.br` per measured kernel, whole (with
 * functions, kernel-function tags and per-CPU variables: attach targets, kfuncs and ksyms need them), within a budget.
 *
 *   node runtime/host/btf/build.mjs 6.1=FILE 6.1.nf_conntrack=FILE 6.1.nf_nat=FILE 6.12=FILE …
 *
 * FILE is what that very kernel shows as /sys/kernel/btf/vmlinux (test/oracle boots the Debian kernels and reads it), or the
 * .BTF section of its module.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const BUDGET_BYTES = 1_500_000;

for (const argument of process.argv.slice(2)) {
  const [profile, file] = argument.split('=');
  const raw = fs.readFileSync(file);
  if (raw.readUInt16LE(0) !== 0xeb9f) throw new Error(`${file} is not raw little-endian BTF`);
  const packed = brotliCompressSync(raw, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: raw.length,
    },
  });
  if (packed.length > BUDGET_BYTES) throw new Error(`${profile}: ${packed.length} bytes are over the budget`);
  fs.writeFileSync(path.join(import.meta.dirname, `${profile}.btf.br`), packed);
  process.stdout.write(`${profile}: ${raw.length} bytes packed into ${packed.length}\n`);
}
