/** `bpf-studio kernels`: the profiles, and what a verdict for each of them rests on. */
import { DEFAULT_PROFILE, PROFILES } from '../runtime/spec/profile';
import { nearestShipped } from '../runtime/host/kernelBtf';
import { EXIT, toJson, type ExitStatus, type Streams } from './output';
import { formatOf } from './options';

export function kernelsCommand(options: { readonly format?: string }, streams: Streams): ExitStatus {
  const rows = PROFILES.map((profile) => ({
    name: profile.name,
    release: profile.release,
    basis: profile.basis,
    default: profile.name === DEFAULT_PROFILE,
    arch: profile.arch,
    /** Whose type information is used when none is named. */
    btf: nearestShipped(profile)?.release,
  }));
  if (formatOf(options.format, ['text', 'json']) === 'json') {
    streams.out(toJson({ kernels: rows }));
    return EXIT.ok;
  }
  for (const row of rows) {
    const basis =
      row.basis === 'measured'
        ? 'measured: compared with this very kernel'
        : 'by facts: derived from what is known of its history, not compared';
    const btf = row.btf === row.release || row.btf === undefined ? '' : `; types of ${row.btf}`;
    streams.out(
      `${row.name.padEnd(5)} Linux ${row.release.padEnd(9)} ${basis}${btf}${row.default ? ' (default)' : ''}\n`,
    );
  }
  return EXIT.ok;
}
