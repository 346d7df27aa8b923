/** Reading clang's messages. */
import * as assert from 'node:assert/strict';
import { complaintWithoutPlace, parseDiagnostics } from '../../runtime/host/compilerDiagnostics';

describe('compiler messages', () => {
  it('are read with place, severity, option and notes', () => {
    const text = [
      "/w/a.bpf.c:4:35: warning: unused variable 'x' [-Wunused-variable]",
      '    4 |   int x;',
      '      |       ^',
      "/w/a.bpf.c:9:1: error: expected '}'",
      "/w/a.bpf.c:3:2: note: to match this '{'",
      '1 warning and 1 error generated.',
    ].join('\n');
    const found = parseDiagnostics(text, 0);
    assert.equal(found.length, 2);
    assert.deepEqual([found[0].line, found[0].column, found[0].severity], [4, 35, 'warning']);
    assert.equal(found[0].option, '-Wunused-variable');
    assert.equal(found[1].message, "expected '}'");
    assert.equal(found[1].notes[0].line, 3);
  });

  it('take the operands that the compiler names as their extent, also below a #line', () => {
    const text = "/w/a.bpf.c:5:47:{6:44-6:45}{6:47-6:54}: error: no member named 'nothing'";
    const [found] = parseDiagnostics(text, 1);
    assert.deepEqual([found.line, found.column, found.endColumn], [5, 44, 54]);
    const [other] = parseDiagnostics(text, 0);
    assert.deepEqual([other.column, other.endColumn], [47, 47]);
  });

  it('in headers say who included them', () => {
    const text = 'In file included from /w/a.bpf.c:3:\n/w/h.h:1:10: error: bad';
    const [found] = parseDiagnostics(text, 0);
    assert.deepEqual(found.includedFrom, [{ file: '/w/a.bpf.c', line: 3 }]);
  });

  it('without a place are found, too', () => {
    assert.equal(complaintWithoutPlace('clang: error: unknown argument: -x\n'), 'unknown argument: -x');
    assert.equal(complaintWithoutPlace('nothing here'), undefined);
  });

  it('are limited in number', () => {
    const text = Array.from({ length: 1000 }, (_, i) => `a.c:${i + 1}:1: error: e`).join('\n');
    assert.equal(parseDiagnostics(text, 0).length, 200);
  });
});
