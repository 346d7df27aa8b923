/**
 * Golden text: the expected output stands in a file. A missing file is a failure, never silently written;
 * `UPDATE_GOLDEN=1` writes it.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';

export function matchesGolden(file: string, actual: string): void {
  if (process.env.UPDATE_GOLDEN === '1') {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, actual);
    return;
  }
  assert.ok(fs.existsSync(file), `golden file ${file} is missing; UPDATE_GOLDEN=1 writes it`);
  assert.equal(actual, fs.readFileSync(file, 'utf8'));
}
