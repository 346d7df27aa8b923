/**
 * Where our own files are: the BPF headers, kernel type information and configurations. One function for both layouts: compiled
 * tests and tools run from `out/…` beside the sources, bundles run from `dist/` with `dist/resources/` beside them.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';

export type ResourceFolder = 'headers' | 'btf' | 'kconfig';

/** Absolute path of a resource folder. Throws when the installation is damaged. */
export function resourceFolder(name: ResourceFolder): string {
  const bundled = path.join(__dirname, 'resources', name);
  if (fs.existsSync(bundled)) return bundled;
  // From out/runtime/host (or any depth below the repository) up to runtime/host.
  for (let dir = __dirname; ; dir = path.dirname(dir)) {
    const inSources = path.join(dir, 'runtime', 'host', name);
    if (fs.existsSync(path.join(dir, 'package.json')) && fs.existsSync(inSources)) return inSources;
    if (path.dirname(dir) === dir) break;
  }
  throw new Error(`the installation lacks its resource folder "${name}"; install BPF Studio again`);
}

/** The package's version, from the package.json nearest above this file. */
export function packageVersion(): string {
  for (let dir = __dirname; ; dir = path.dirname(dir)) {
    const file = path.join(dir, 'package.json');
    if (fs.existsSync(file)) {
      const parsed = JSON.parse(fs.readFileSync(file, 'utf8')) as { name?: string; version?: string };
      if (parsed.name === 'bpf-studio') return parsed.version ?? '0.0.0';
    }
    if (path.dirname(dir) === dir) return '0.0.0';
  }
}
