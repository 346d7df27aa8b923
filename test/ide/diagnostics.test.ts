/** Tests of runtime/ide/diagnostics: what an editor shows of verdicts. */
import * as assert from 'node:assert/strict';
import { verdictDiagnostics } from '../../runtime/ide/diagnostics';
import { SourceText } from '../../runtime/ide/expressionRange';
import type { ProgramReport, SourceSpan } from '../../runtime/ide/verdictReport';

const TEXT = ['int prog(void) {', '  v = lookup(&m, &k);', '  v->count++;', '  return 0;', '}', ''].join(
  '\n',
);
const FILE = '/w/a.bpf.c';
const source = new SourceText(TEXT);
const textOf = (file: string): SourceText | undefined => (file === FILE ? source : undefined);

const span = (line: number, at: number, file = FILE): SourceSpan => ({
  file,
  line,
  column: at,
  endColumn: at + 1,
  at,
  text: '',
});

const rejected = (more: Partial<ProgramReport> = {}): ProgramReport => ({
  name: 'prog',
  section: 'xdp',
  type: 'BPF_PROG_TYPE_XDP',
  kernel: '6.12',
  basis: 'measured',
  verdict: 'rejected',
  errno: 13,
  message: "R0 invalid mem access 'map_value_or_null'",
  insn: 5,
  source: span(3, 11),
  entry: span(1, 1),
  diagnostic: {
    category: 'Memory Safety',
    code: 'null-access',
    reason: 'the lookup may have found nothing.',
    causalPath: [{ insn: 3, source: span(2, 7), text: 'the result may be NULL here' }],
    suggestion: 'Test v before using it.',
  },
  stats: { processedInsns: 9, totalStates: 1, peakStates: 1, stackDepth: [0] },
  ...more,
});

describe('diagnostics of verdicts', () => {
  it('stand on the expression, with the causal path as related places', () => {
    const [found, ...others] = verdictDiagnostics([rejected()], FILE, textOf);
    assert.deepEqual(others, []);
    assert.deepEqual(found.range, { start: { line: 2, character: 2 }, end: { line: 2, character: 12 } });
    assert.equal(found.severity, 'error');
    assert.equal(found.code, 'null-access');
    assert.equal(
      found.message,
      "prog is rejected by Linux 6.12: the lookup may have found nothing\nKernel: R0 invalid mem access 'map_value_or_null'\nFix: Test v before using it.",
    );
    assert.deepEqual(found.related, [
      {
        file: FILE,
        range: { start: { line: 1, character: 6 }, end: { line: 1, character: 20 } },
        message: 'the result may be NULL here',
      },
    ]);
  });

  it('are one for the same finding on several kernels, naming them', () => {
    const found = verdictDiagnostics(
      [rejected({ kernel: '6.1', message: 'other words' }), rejected(), rejected({ kernel: '6.6' })],
      FILE,
      textOf,
    );
    assert.equal(found.length, 1);
    assert.match(found[0].message, /^prog is rejected by Linux 6\.1, 6\.12, 6\.6 \(by facts\): /);
    assert.deepEqual(found[0].kernels, ['6.1', '6.12', '6.6']);
  });

  it('give the kernel’s own words first where ours say nothing', () => {
    const diagnostic = {
      ...rejected().diagnostic!,
      reason: 'The kernel refuses this instruction.',
      suggestion: '',
    };
    const [found] = verdictDiagnostics(
      [rejected({ diagnostic, message: 'bpf_spin_unlock is missing' })],
      FILE,
      textOf,
    );
    assert.equal(found.message, 'prog is rejected by Linux 6.12: bpf_spin_unlock is missing');
  });

  it('are two for two places', () => {
    assert.equal(verdictDiagnostics([rejected(), rejected({ source: span(4, 3) })], FILE, textOf).length, 2);
  });

  it('are none for accepted programs', () => {
    assert.deepEqual(verdictDiagnostics([rejected({ verdict: 'accepted' })], FILE, textOf), []);
  });

  it('are information for what is not modelled, never an error', () => {
    const [found] = verdictDiagnostics(
      [rejected({ verdict: 'unknown', message: 'needs kfunc x', diagnostic: undefined, source: undefined })],
      FILE,
      textOf,
    );
    assert.equal(found.severity, 'information');
    assert.match(found.message, /not judged for Linux 6\.12: needs kfunc x/);
    assert.equal(found.range.start.line, 0);
  });

  it('of a refusal inside a header stand on the step of this document, and name the header', () => {
    const [found] = verdictDiagnostics([rejected({ source: span(7, 3, '/w/h.h') })], FILE, textOf);
    assert.equal(found.range.start.line, 1);
    assert.equal(found.related.at(-1)?.file, '/w/h.h');
  });
});
