/**
 * Where a finding's code is explained: a place in docs/diagnostics.md, which comes with the extension. A file of our
 * own needs no network and says what this version says. No link where the page or its heading is missing.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { URI } from 'vscode-uri';
import { pageLine } from '../runtime/ide/diagnosticsPage';

/** Read once; null: there is none. */
let page: { readonly file: string; readonly text: string } | undefined | null;

/** `file:///…/docs/diagnostics.md#L12`; editors open the file at that line. */
export function findingPage(code: string): string | undefined {
  if (page === undefined) page = readPage() ?? null;
  if (page === null) return undefined;
  const line = pageLine(page.text, code);
  return line === undefined
    ? undefined
    : URI.file(page.file)
        .with({ fragment: `L${line}` })
        .toString();
}

/** Beside dist/ in the package, some folders above the compiled files in the sources. */
function readPage(): { file: string; text: string } | undefined {
  for (let dir = __dirname; ; dir = path.dirname(dir)) {
    const file = path.join(dir, 'docs', 'diagnostics.md');
    if (fs.existsSync(path.join(dir, 'package.json')) && fs.existsSync(file))
      return { file, text: fs.readFileSync(file, 'utf8') };
    if (path.dirname(dir) === dir) return undefined;
  }
}
