/**
 * The list of kernel messages against the recorded truth of the fixtures, both ways: a fixture that a message names prints it, a
 * message that some fixture prints names one, and every last line that a kernel said is in the list. Prints the share covered.
 * `UPDATE_GOLDEN=1` names the fixtures anew.
 */
import * as assert from 'node:assert/strict';
import { KERNELS } from './fixturePrograms';
import { linesSaid, readList, rowOf, writeList, type MessageRow } from './ruleMessages';

/** Of the listed messages, those that a fixture must provoke. */
const SHARE = 0.8;

/** Lines that a log has in front of a message. */
const LOG_LINE =
  /^(Validating |Func#|func '[^']*' arg\d+ has btf_id|cur state|old state|frame\d+|mark_precise|caller|callee|from \d+)/;

describe('messages of the kernels', () => {
  const rows = readList();
  const said = linesSaid();
  const covered = new Map<MessageRow, Set<string>>();
  const stray: string[] = [];
  for (const entry of said) {
    const row = rowOf(rows, entry);
    if (row === undefined) {
      if (!LOG_LINE.test(entry.line)) stray.push(`${entry.kernel} ${entry.by}: ${entry.line}`);
      continue;
    }
    const by = covered.get(row) ?? new Set<string>();
    covered.set(row, by.add(entry.by));
  }
  if (process.env.UPDATE_GOLDEN === '1') writeList(rows, covered);

  it('are named by fixtures that print them, and only by those', () => {
    for (const row of readList())
      for (const name of row.fixtures) {
        const known = rows.find((other) => other.text === row.text && other.kernels[0] === row.kernels[0]);
        assert.ok(known && covered.get(known)?.has(name), `${name} does not print: ${row.text}`);
      }
  });

  it('name a fixture when there is one', () => {
    const missing = readList().filter((row) => {
      const known = rows.find((other) => other.text === row.text && other.kernels[0] === row.kernels[0]);
      return row.fixtures.length === 0 && known !== undefined && covered.has(known);
    });
    assert.deepEqual(
      missing.map((row) => row.text),
      [],
    );
  });

  it('are all in the list', () => assert.deepEqual(stray, []));

  it(`are provoked, ${100 * SHARE} % of those that are not left out`, () => {
    const share = (list: readonly MessageRow[]): string => {
      const done = list.filter((row) => covered.has(row)).length;
      return `${done} of ${list.length} (${((100 * done) / list.length).toFixed(1)} %)`;
    };
    const listed = rows.filter((row) => row.leftOut === undefined || covered.has(row));
    console.log(`      provoked: ${share(listed)}; left out: ${rows.length - listed.length}`);
    for (const kernel of KERNELS)
      console.log(`      ${kernel}: ${share(listed.filter((row) => row.kernels.includes(kernel)))}`);
    assert.ok(listed.filter((row) => covered.has(row)).length >= SHARE * listed.length);
  });
});
