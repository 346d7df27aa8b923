/**
 * The user's cache folder for what we generate (vmlinux.h, zig's own cache). Everything in it can be deleted at any
 * time. When it cannot be written (read-only home), a folder under the system's temporary folder takes its place.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

function preferred(env: NodeJS.ProcessEnv): string {
  if (env.BPF_STUDIO_CACHE) return env.BPF_STUDIO_CACHE;
  if (process.platform === 'win32') {
    return path.join(env.LOCALAPPDATA ?? path.join(os.homedir(), 'AppData', 'Local'), 'bpf-studio', 'cache');
  }
  if (process.platform === 'darwin') return path.join(os.homedir(), 'Library', 'Caches', 'bpf-studio');
  return path.join(env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'bpf-studio');
}

/** The folder `name` inside the cache, created. */
export function cacheFolder(name: string, env: NodeJS.ProcessEnv = process.env): string {
  const choices = [preferred(env), path.join(os.tmpdir(), `bpf-studio-cache-${os.userInfo().uid}`)];
  for (const base of choices) {
    const dir = path.join(base, name);
    try {
      fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
      fs.accessSync(dir, fs.constants.W_OK);
      return dir;
    } catch {
      continue;
    }
  }
  return fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-'));
}

/** Writes a file so that a reader sees all of it or nothing, whoever else writes the same one. */
export function writeWhole(file: string, contents: string | Uint8Array): void {
  const partial = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  fs.writeFileSync(partial, contents);
  fs.renameSync(partial, file);
}
