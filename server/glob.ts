/**
 * Whether a file is named by glob patterns of the setting `bpfStudio.files`: a pattern is matched against the path
 * relative to its workspace folder, and one without a slash against the file's name.
 */
import { globSource } from '../runtime/host/inputs';

/** `file` is absolute with `/` between its parts. A malformed pattern matches nothing. */
export function matchesGlobs(file: string, folders: readonly string[], patterns: readonly string[]): boolean {
  const folder = folders.find((f) => file.startsWith(f.endsWith('/') ? f : `${f}/`));
  const relative = (folder === undefined ? file : file.slice(folder.length)).replace(/^\/+/, '');
  const name = file.slice(file.lastIndexOf('/') + 1);
  return patterns.some((pattern) => {
    try {
      return new RegExp(`^${globSource(pattern)}$`).test(pattern.includes('/') ? relative : name);
    } catch {
      return false;
    }
  });
}
