/** What section names mean. */
import * as assert from 'node:assert/strict';
import { SECTION_ROWS, sectionMeaning } from '../../runtime/spec/sections';

describe('section names', () => {
  const meaning = (name: string): unknown[] => {
    const found = sectionMeaning(name);
    return found === undefined
      ? []
      : [
          found.row.type.replace('BPF_PROG_TYPE_', ''),
          found.row.attachType,
          found.attachTo,
          found.row.sleepable === true,
        ];
  };

  it('give type, attach type and target', () => {
    assert.deepEqual(meaning('xdp'), ['XDP', 'BPF_XDP', undefined, false]);
    assert.deepEqual(meaning('fentry/do_unlinkat'), ['TRACING', 'BPF_TRACE_FENTRY', 'do_unlinkat', false]);
    assert.deepEqual(meaning('fentry.s/do_unlinkat'), ['TRACING', 'BPF_TRACE_FENTRY', 'do_unlinkat', true]);
    assert.deepEqual(meaning('tp/syscalls/sys_enter_open'), [
      'TRACEPOINT',
      undefined,
      'syscalls/sys_enter_open',
      false,
    ]);
    assert.deepEqual(meaning('syscall'), ['SYSCALL', undefined, undefined, true]);
    assert.deepEqual(meaning('tc/ingress'), ['SCHED_CLS', 'BPF_TCX_INGRESS', undefined, false]);
    assert.deepEqual(meaning('kprobe'), ['KPROBE', undefined, undefined, false]);
    assert.deepEqual(meaning('uprobe.session.s//bin/sh:main'), [
      'KPROBE',
      'BPF_TRACE_UPROBE_SESSION',
      '/bin/sh:main',
      true,
    ]);
  });

  it('must match whole, or up to a slash where a target may follow', () => {
    assert.deepEqual(meaning('xdp_drop'), []);
    assert.deepEqual(meaning('xdp/drop'), []);
    assert.deepEqual(meaning('kprobes/x'), []);
    assert.deepEqual(meaning('tc/other'), []);
    assert.deepEqual(meaning(''), []);
  });

  it('are not hidden by an earlier row', () => {
    for (const row of SECTION_ROWS) {
      const name = row.name.replace(/\+$/, '');
      assert.equal(sectionMeaning(name)?.row, row, row.name);
    }
  });
});
