/** Where things are when compiled tests run from `out/test/…`. */
import * as path from 'node:path';

export const repoRoot = path.resolve(__dirname, '..', '..', '..');
export const fixture = (...parts: string[]): string => path.join(repoRoot, 'test', 'fixtures', ...parts);
export const example = (name: string): string => path.join(repoRoot, 'examples', name);
