/**
 * Writes bpf/bpf_helper_defs.h from the prototype table. Run after `tsc -b runtime/host`:
 *   node runtime/host/headers/generate.mjs
 */
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';

const here = import.meta.dirname;
const require = createRequire(import.meta.url);
const { helperDefsHeader } = require(path.join(here, '../../../out/runtime/host/helperDefs.js'));
fs.writeFileSync(path.join(here, 'bpf/bpf_helper_defs.h'), helperDefsHeader());
