/** Logs of real kernels, read back: verdict, message, finding, place and way; and everything that may stand around them. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { explainLog, type ExplainedProgram } from '../../runtime/ide/explainLog';
import { fixture } from '../support/paths';

const folder = fixture('logs');
const logs = fs.readdirSync(folder).filter((name) => name.endsWith('.log'));
const read = (name: string): string => fs.readFileSync(path.join(folder, name), 'utf8');

interface Recorded {
  readonly verdict: string;
  readonly message: string;
  readonly insns: number;
}
const recorded = JSON.parse(fs.readFileSync(fixture('verifier', 'recorded.json'), 'utf8')) as Record<
  string,
  Record<string, Record<string, Recorded>>
>;

function only(text: string): ExplainedProgram {
  const found = explainLog(text);
  assert.ok(found.ok, found.ok ? '' : found.problem.message);
  assert.equal(found.value.length, 1);
  return found.value[0];
}

const codeOf = (program: ExplainedProgram): string | undefined => program.diagnostic?.code;
const otherMap = read('6.12-timerArguments-other_map.log');

/** What a log says, without what a wrapper may add (name, errno). */
const essence = (program: ExplainedProgram): unknown => [
  program.verdict,
  program.message,
  program.insn,
  program.source,
  program.diagnostic,
  program.stats,
];

describe('explaining the log of a real kernel', () => {
  it('finds enough logs', () => assert.ok(logs.length >= 20, String(logs.length)));

  for (const name of logs) {
    it(`${name}: verdict, message and count are those that were recorded`, () => {
      const [, kernel, file, program] = /^([\d.]+)-(\w+)-(\w+?)(?:-level2)?\.log$/.exec(name) ?? [];
      const truth = recorded[file][program][kernel];
      const found = only(read(name));
      assert.equal(found.verdict, truth.verdict);
      assert.equal(found.message, truth.message);
      assert.equal(found.stats.processedInsns, truth.insns);
      assert.equal(found.cut, false);
      if (truth.verdict === 'rejected') {
        assert.ok(found.diagnostic);
        assert.notEqual(found.diagnostic.code, 'kernel-message');
        assert.notEqual(found.diagnostic.reason, '');
        // Rows with holes where a fact was missing.
        assert.doesNotMatch(found.diagnostic.reason, /''| {2}|NaN|undefined/);
      }
    });
  }

  it('tells the same finding, place and way of the three kernels', () => {
    for (const kernel of ['6.1', '6.12', '7.2']) {
      const found = only(read(`${kernel}-timerArguments-other_map.log`));
      assert.equal(codeOf(found), 'timer-map-mismatch');
      assert.equal(found.insn, 14);
      const texts = found.diagnostic?.causalPath.map((step) => step.text) ?? [];
      assert.match(texts[0], /^looked up .*; the result is NULL when there is no such element$/);
      assert.match(texts[1], /r0 == 0 was false$/);
      if (kernel !== '6.1') {
        assert.match(found.diagnostic?.reason ?? '', /map 'timers'.* map 'others'/);
        assert.equal(found.source?.file, 'timerArguments.bpf.c');
        assert.equal(found.source?.line, 70);
      } else {
        assert.equal(found.source, undefined);
      }
    }
  });

  it('is not led astray by what level 2 lists before the walk', () => {
    const one = only(read('7.2-access-behind.log'));
    const two = only(read('7.2-access-behind-level2.log'));
    assert.equal(two.insn, 10);
    assert.deepEqual(
      two.diagnostic?.causalPath.map((step) => step.insn),
      one.diagnostic?.causalPath.map((step) => step.insn),
    );
  });

  it('follows the path that was refused, not the one walked before it', () => {
    const text = [
      '0: R1=ctx() R10=fp0',
      '0: (b7) r2 = 5                        ; R2_w=5',
      '1: (61) r3 = *(u32 *)(r1 +0)          ; R3_w=scalar()',
      '2: (15) if r3 == 0x0 goto pc+3        ; R3_w=scalar()',
      '3: (b7) r2 = 7                        ; R2_w=7',
      '4: (b7) r0 = 0                        ; R0_w=0',
      '5: (95) exit',
      '',
      'from 2 to 6: R1=ctx() R2_w=5 R3_w=0 R10=fp0',
      '6: (61) r0 = *(u32 *)(r2 +0)',
      "R2 invalid mem access 'scalar'",
      'processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0',
    ].join('\n');
    const found = only(text);
    assert.equal(found.insn, 6);
    assert.deepEqual(
      found.diagnostic?.causalPath.map((step) => [step.insn, step.text]),
      [[0, 'set to 5 here']],
    );
    assert.match(found.diagnostic?.reason ?? '', /the number 5/);
  });

  it('reads the states of 5.15, which stand before the instructions', () => {
    const text = [
      '0: R1=ctx(id=0,off=0,imm=0) R10=fp0',
      '; __u32 key = 0;',
      '0: (b7) r1 = 0',
      '1: R1_w=inv0 R10=fp0',
      '1: (63) *(u32 *)(r10 -4) = r1',
      'last_idx 1 first_idx 0',
      'regs=2 stack=0 before 0: (b7) r1 = 0',
      '2: R1_w=invP0 R10=fp0 fp-8=0000????',
      '2: (bf) r2 = r10',
      '3: (07) r2 += -4',
      '4: (18) r1 = 0xffff888105a3c800',
      '6: R1_w=map_ptr(id=0,off=0,ks=4,vs=16,imm=0) R2_w=fp-4 R10=fp0 fp-8=0000????',
      '6: (85) call bpf_map_lookup_elem#1',
      '7: R0_w=map_value_or_null(id=1,off=0,ks=4,vs=16,imm=0) R10=fp0 fp-8=mmmm????',
      '; return value->count;',
      '7: (79) r0 = *(u64 *)(r0 +0)',
      "R0 invalid mem access 'map_value_or_null'",
      'processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0',
    ].join('\n');
    const found = only(text);
    assert.equal(codeOf(found), 'null-dereference');
    assert.equal(found.insn, 7);
    assert.match(found.diagnostic?.reason ?? '', /a value of a map that may be NULL/);
    assert.equal(found.diagnostic?.causalPath[0].insn, 6);
  });

  it('keeps category, reason and suggestion of a 7.3 report that the rule book has no row for', () => {
    const text = [
      '0: R1=ctx() R10=fp0',
      '0: (b7) r0 = 0                        ; R0=0',
      'some words that no kernel has printed yet',
      '',
      'Verification failed: Policy: a new rule',
      'Reason:',
      '  The program breaks a new rule.',
      'At:',
      '  0: (b7) r0 = 0',
      'Suggestion:',
      '  Do not break it.',
      '',
      'processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0',
    ].join('\n');
    const found = only(text);
    assert.equal(found.message, 'some words that no kernel has printed yet');
    assert.deepEqual(
      [found.diagnostic?.category, found.diagnostic?.code, found.diagnostic?.reason],
      ['Policy', 'kernel-message', 'The program breaks a new rule.'],
    );
    assert.equal(found.diagnostic?.suggestion, 'Do not break it.');
  });
});

describe('what stands around a log', () => {
  const plain = only(otherMap);

  it('libbpf tells name and errno', () => {
    const found = only(
      [
        "libbpf: prog 'arm': BPF program load failed: Invalid argument",
        "libbpf: prog 'arm': -- BEGIN PROG LOAD LOG --",
        otherMap.trimEnd(),
        '-- END PROG LOAD LOG --',
        "libbpf: prog 'arm': failed to load: -22",
        "libbpf: failed to load object 'x.o'",
        'Error: failed to load object file',
      ].join('\n'),
    );
    assert.equal(found.name, 'arm');
    assert.equal(found.errno, 22);
    assert.deepEqual(essence(found), essence(plain));
  });

  it('two programs in libbpf output are two reports', () => {
    const block = (name: string, log: string): string =>
      `libbpf: prog '${name}': -- BEGIN PROG LOAD LOG --\n${log}-- END PROG LOAD LOG --\n`;
    const found = explainLog(block('good', read('6.1-helpers-size_zero.log')) + block('bad', otherMap));
    assert.ok(found.ok);
    assert.deepEqual(
      found.value.map((program) => [program.name, program.verdict, codeOf(program)]),
      [
        ['good', 'rejected', 'zero-size'],
        ['bad', 'rejected', 'timer-map-mismatch'],
      ],
    );
  });

  it('stamps of a journal, colours, tabs and Windows line ends do not matter', () => {
    const lines = otherMap.trimEnd().split('\n');
    const stamped = lines.map((line, n) => `Nov 22 18:${10 + n}:07 host loader[812]: ${line}`).join('\n');
    assert.deepEqual(essence(only(stamped)), essence(plain));
    assert.deepEqual(essence(only(lines.map((line) => `\t${line}`).join('\r\n'))), essence(plain));
    assert.deepEqual(
      essence(only(lines.map((line) => `\u001b[31m${line}\u001b[0m`).join('\n'))),
      essence(plain),
    );
  });

  it('a Go loader indents the log under its own error', () => {
    const log = otherMap.trimEnd().split('\n');
    const text = `field Arm: program arm: load program: invalid argument:\n${log.map((l) => `\t${l}`).join('\n')}`;
    const found = only(text);
    assert.equal(found.name, 'arm');
    assert.equal(found.errno, 22);
    assert.deepEqual(essence(found), essence(plain));
  });

  it('the short form of a Go loader still gives the message', () => {
    const found = only(
      'load program: permission denied: 5: (79) r0 = *(u64 *)(r0 +0): R0 !read_ok (12 line(s) omitted)',
    );
    assert.equal(found.message, 'R0 !read_ok');
    assert.equal(found.errno, 13);
    assert.equal(found.cut, true);
    assert.equal(codeOf(found), 'uninitialized-register');
  });

  it('what loaders say before and behind the log is no reason', () => {
    const log = otherMap.trimEnd();
    const around: readonly (readonly [string, string, number])[] = [
      [
        'Error: the BPF_PROG_LOAD syscall returned Invalid argument (os error 22). Verifier output: ',
        '\n\nCaused by:\n    Invalid argument (os error 22)',
        22,
      ],
      [
        'Error: the BPF_PROG_LOAD syscall failed. Verifier output: ',
        '\nVerifier output: \n\nCaused by:\n    Invalid argument (os error 22)',
        22,
      ],
      [
        "Prog section 'classifier' rejected: Invalid argument (22)!\n - Type:         3\n\nVerifier analysis:\n\n",
        '\n\nError fetching program/map!\nUnable to load program',
        0,
      ],
      [
        'bpf: Failed to load program: Invalid argument\n',
        "\n\nTraceback (most recent call last):\nException: Failed to load BPF program b'arm': Invalid argument",
        0,
      ],
      [
        "libbpf: prog 'arm': BPF program load failed: -EINVAL\n",
        '\nFailed to load and verify BPF skeleton',
        22,
      ],
      ['```\n', '\n```', 0],
    ];
    for (const [before, behind, errno] of around) {
      const found = only(before + log + behind);
      assert.deepEqual(essence(found), essence(plain), before);
      if (errno !== 0) assert.equal(found.errno, errno, before);
    }
  });

  it('stamps that are padded to a width do not matter', () => {
    const lines = otherMap.trimEnd().split('\n');
    const stamped = lines
      .map((line, n) => `[${String(n * 7)}.632142] ${line}`.padStart(90 + line.length))
      .join('\n');
    const kernel = lines.map((line, n) => `[${`${n * 7}.632142`.padStart(12)}] ${line}`).join('\n');
    assert.deepEqual(essence(only(kernel)), essence(plain));
    assert.deepEqual(essence(only(stamped)), essence(plain));
  });

  it('a chain of errors that prints the log for each of its links is one report', () => {
    const log = otherMap.trimEnd();
    const link = (n: number): string =>
      `    ${n}: the BPF_PROG_LOAD syscall failed. Verifier output: ${log.replace(/\n/g, '\n       ')}`;
    const found = only(
      `Error: attach\n\nCaused by:\n${link(0)}\n\n${link(1)}\n    2: Invalid argument (os error 22)`,
    );
    assert.deepEqual(essence(found), essence(plain));
    assert.equal(found.errno, 22);
  });

  it('what libbpf says before a log belongs to its program', () => {
    const block = (name: string, why: string): string =>
      `libbpf: prog '${name}': BPF program load failed: ${why}\nlibbpf: prog '${name}': -- BEGIN PROG LOAD LOG --\n${otherMap}-- END PROG LOAD LOG --\n`;
    const found = explainLog(block('first', 'Permission denied') + block('second', 'Invalid argument'));
    assert.ok(found.ok);
    assert.deepEqual(
      found.value.map(({ name, errno }) => [name, errno]),
      [
        ['first', 13],
        ['second', 22],
      ],
    );
  });

  it('statistics alone are read through stamps and quotes', () => {
    const log = [
      'BPF program is too large. Processed 1000001 insn',
      'processed 1000001 insns (limit 1000000) max_states_per_insn 29 total_states 26022 peak_states 2104 mark_read 77',
    ];
    for (const text of [
      log.join('\n'),
      log.map((line, n) => `ERRO[00${45 + n}] ${line}`).join('\n'),
      `level=debug msg="${log.join('\\n')}\\n-- END PROG LOAD LOG --\\n"`,
    ]) {
      const found = only(text);
      assert.equal(codeOf(found), 'too-complex', text);
      assert.equal(found.stats.totalStates, 26022, text);
    }
  });

  it('a log inside one quoted field is unfolded', () => {
    assert.deepEqual(essence(only(`level=error msg="${otherMap.replace(/\n/g, '\\n')}"`)), essence(plain));
  });
});

describe('a log that tells little', () => {
  it('still tells what is wrong with the argument of a global function', () => {
    const { diagnostic } = only(
      '20: (85) call pc+13\nR1 type=ctx expected=fp\nCaller passes invalid args into func#1\n',
    );
    assert.match(diagnostic?.reason ?? '', /^Argument 1 of function #1 is the program's context,/);
  });

  it('does not say where a jump went when the next line is missing', () => {
    const jump = (next: number): string =>
      only(
        `5: (3d) if r6 >= r1 goto pc+2\n R1=pkt_end(id=0,off=0,imm=0) R6=pkt(id=2,off=20,r=20,imm=0)\n${next}: (71) r5 = *(u8 *)(r6 +0)\ninvalid access to packet, off=20 size=1, R6(id=2,off=20,r=20)\nR6 offset is outside of the packet\n`,
      )
        .diagnostic?.causalPath.map(({ text }) => text)
        .join() ?? '';
    assert.match(jump(6), /r6 >= r1 was false/);
    assert.match(jump(8), /r6 >= r1 was true/);
    assert.match(jump(9), /r6 >= r1 was tested/);
  });
});

describe('bad logs', () => {
  it('that are empty or something else are one problem', () => {
    for (const text of ['', '\n\n', 'hello\nworld\n', '{"a": 1}', 'int main(void) { return 0; }']) {
      const found = explainLog(text);
      assert.equal(found.ok, false);
      if (!found.ok) assert.equal(found.problem.code, 'not-a-log');
    }
  });

  it('cut anywhere are read or refused, never an exception and never "accepted"', () => {
    for (let size = 0; size < otherMap.length; size += 7) {
      const head = explainLog(otherMap.slice(0, size));
      if (head.ok) assert.ok(head.value.every((program) => program.verdict !== 'accepted'));
      explainLog(otherMap.slice(size));
    }
    const tail = only(otherMap.slice(otherMap.length / 2));
    assert.equal(codeOf(tail), 'timer-map-mismatch');
  });

  it('of long strange lines end soon', () => {
    const started = process.hrtime.bigint();
    explainLog(
      `0: (bf) r1 = r0 ; R1=${'('.repeat(20_000)}\n${'R1='.repeat(50_000)}\n${'0: '.repeat(50_000)}`,
    );
    assert.ok(process.hrtime.bigint() - started < 5_000_000_000n);
  });
});
