/**
 * The configuration of the kernel that a profile stands for, for `extern … __kconfig` variables: that of the measured
 * kernel itself or of the nearest one, except for what the profile says.
 *
 * Evidence: the config files of the three measured kernels' packages, whole.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { PROFILES, type Profile } from '../spec/profile';
import { assert } from '../util/assert';
import { resourceFolder } from './resources';

const SIZE_LIMIT_BYTES = 4 << 20;
const read = new Map<string, ReadonlyMap<string, string>>();

const fileOf = (profile: Profile): string =>
  path.join(resourceFolder('kconfig'), `${profile.name}.config.br`);

/** Options that are set, as a config file spells their values: `CONFIG_HZ` → `250`, `CONFIG_SMP` → `y`. */
export function kconfigFor(profile: Profile): ReadonlyMap<string, string> {
  const before = read.get(profile.name);
  if (before) return before;
  const at = PROFILES.findIndex((candidate) => candidate.name === profile.name);
  const nearest = [...PROFILES.slice(at), ...PROFILES.slice(0, at).reverse()].find((candidate) =>
    fs.existsSync(fileOf(candidate)),
  );
  assert(nearest, 'kernel configurations are installed');
  const text = brotliDecompressSync(fs.readFileSync(fileOf(nearest)), { maxOutputLength: SIZE_LIMIT_BYTES });
  const options = new Map<string, string>();
  for (const line of text.toString('utf8').split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) options.set(line.slice(0, equals), line.slice(equals + 1));
  }
  options.set('CONFIG_HZ', String(profile.hz));
  read.set(profile.name, options);
  return options;
}
