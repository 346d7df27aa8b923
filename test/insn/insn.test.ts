import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { assemble } from '../../runtime/insn/assemble';
import { decode, wideImmediate } from '../../runtime/insn/decode';
import { disassemble, disassembleProgram } from '../../runtime/insn/disassemble';
import { encode } from '../../runtime/insn/encode';
import type { Insn } from '../../runtime/insn/insn';
import { OPCODES, opcodeOf } from '../../runtime/spec/opcodes';
import { FormatError } from '../../runtime/util/problem';
import { arbitraryInsn, arbitraryProgram, opcodeNames } from './arbitraryInsn';

const slot = (code: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ code, dst, src, off, imm });

describe('the instruction table', () => {
  it('finds every row again by the fields that select it', () => {
    for (const name of opcodeNames)
      fc.assert(
        fc.property(arbitraryInsn(name), (insns) => {
          assert.equal(opcodeOf(insns[0]), name);
        }),
        { numRuns: 20 },
      );
  });

  it('has no name for opcodes that do not exist', () => {
    for (const code of [0x00, 0x08, 0xe4, 0xf7, 0x8e, 0x38]) assert.equal(opcodeOf(slot(code)), undefined);
    assert.equal(opcodeOf(slot(OPCODES.div64Imm.code, 0, 0, 2, 1)), undefined);
    assert.equal(opcodeOf(slot(OPCODES.le16.code, 0, 0, 0, 24)), undefined);
  });
});

describe('decode and encode', () => {
  it('are inverse in both byte orders', () => {
    fc.assert(
      fc.property(arbitraryProgram, fc.boolean(), (insns, little) => {
        assert.deepEqual(decode(encode(insns, little), little), insns);
      }),
    );
  });

  it('keep every byte of slots that are no instructions', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 64 }), fc.boolean(), (bytes, little) => {
        const whole = bytes.subarray(0, bytes.length & ~7);
        assert.deepEqual(encode(decode(whole, little), little), whole);
      }),
    );
  });

  it('place fields as the RFC says', () => {
    const bytes = Uint8Array.from([0x61, 0xa1, 0xfe, 0xff, 0x78, 0x56, 0x34, 0x12]);
    assert.deepEqual(decode(bytes), [slot(0x61, 1, 10, -2, 0x12345678)]);
    const big = Uint8Array.from([0x61, 0x1a, 0xff, 0xfe, 0x12, 0x34, 0x56, 0x78]);
    assert.deepEqual(decode(big, false), [slot(0x61, 1, 10, -2, 0x12345678)]);
  });

  it('refuse a partial slot', () => {
    assert.throws(() => decode(new Uint8Array(12)), FormatError);
  });

  it('join the halves of a wide immediate without sign trouble', () => {
    const insns = [slot(0x18, 1, 0, 0, -1), slot(0, 0, 0, 0, -2)];
    assert.equal(wideImmediate(insns, 0), 0xfffffffeffffffffn);
  });
});

describe('disassemble', () => {
  // Each line as the verifier log of a measured kernel prints it.
  const kernel: readonly (readonly [string, Insn])[] = [
    ['r1 = 5', slot(0xb7, 1, 0, 0, 5)],
    ['w1 = -5', slot(0xb4, 1, 0, 0, -5)],
    ['r1 = r10', slot(0xbf, 1, 10)],
    ['r2 += -8', slot(0x07, 2, 0, 0, -8)],
    ['w3 s>>= w4', slot(0xcc, 3, 4)],
    ['r3 s/= r4', slot(0x3f, 3, 4, 1)],
    ['r3 %= 7', slot(0x97, 3, 0, 0, 7)],
    ['r3 = (s16)r4', slot(0xbf, 3, 4, 16)],
    ['w3 = (s8)w4', slot(0xbc, 3, 4, 8)],
    ['w2 = -w2', slot(0x84, 2)],
    ['r2 = be16 r2', slot(0xdc, 2, 0, 0, 16)],
    ['r2 = bswap64 r2', slot(0xd7, 2, 0, 0, 64)],
    ['r1 = addr_space_cast(r2, 0, 1)', slot(0xbf, 1, 2, 1, 1)],
    ['r1 = *(u32 *)(r2 +4)', slot(0x61, 1, 2, 4)],
    ['r1 = *(s8 *)(r10 -1)', slot(0x91, 1, 10, -1)],
    ['*(u64 *)(r10 -8) = r1', slot(0x7b, 10, 1, -8)],
    ['*(u8 *)(r1 +0) = 255', slot(0x72, 1, 0, 0, 255)],
    ['lock *(u64 *)(r1 +0) += r2', slot(0xdb, 1, 2)],
    ['r2 = atomic_fetch_or((u32 *)(r1 +4), r2)', slot(0xc3, 1, 2, 4, 0x41)],
    ['r2 = atomic64_xchg((u64 *)(r1 +4), r2)', slot(0xdb, 1, 2, 4, 0xe1)],
    ['r0 = atomic64_cmpxchg((u64 *)(r1 +4), r0, r2)', slot(0xdb, 1, 2, 4, 0xf1)],
    ['r2 = load_acquire((u8 *)(r1 +0))', slot(0xd3, 2, 1, 0, 0x100)],
    ['store_release((u16 *)(r1 -2), r2)', slot(0xcb, 1, 2, -2, 0x110)],
    ['if r1 == 0x0 goto pc+3', slot(0x15, 1, 0, 3)],
    ['if w1 s< 0xffffffff goto pc-3', slot(0xc6, 1, 0, -3, -1)],
    ['if r1 & r2 goto pc+0', slot(0x4d, 1, 2)],
    ['goto pc-7', slot(0x05, 0, 0, -7)],
    ['gotol pc+70000', slot(0x06, 0, 0, 0, 70000)],
    ['may_goto pc+2', slot(0xe5, 0, 0, 2)],
    ['gotox r3', slot(0x0d, 3)],
    ['call unknown#211', slot(0x85, 0, 0, 0, 211)],
    ['call pc+4', slot(0x85, 0, 1, 0, 4)],
    ['call kernel-function#1234', slot(0x85, 0, 2, 0, 1234)],
    ['r0 = *(u16 *)skb[12]', slot(0x28, 0, 0, 0, 12)],
    ['r0 = *(u8 *)skb[r7 + 14]', slot(0x50, 0, 7, 0, 14)],
    ['exit', slot(0x95)],
    // Broken ones.
    ['BUG_ldx_01', slot(0x01)],
    ['BUG_ld_00', slot(0x00)],
    ['BUG_st_02', slot(0x02)],
    ['BUG_c3', slot(0xc3, 0, 0, 0, 0x77)],
    ['r1 (null) 5', slot(0xe7, 1, 0, 0, 5)],
    ['if r1 (null) 0x5 goto pc+0', slot(0xf5, 1, 0, 0, 5)],
  ];
  for (const [text, insn] of kernel)
    it(`prints ${text}`, () => {
      assert.equal(disassemble([insn], 0), text);
    });

  it('prints wide loads as unsigned hexadecimal, or as the callback says', () => {
    const insns = [slot(0x18, 1, 1, 0, 7), slot(0, 0, 0, 0, -1)];
    assert.equal(disassemble(insns, 0), 'r1 = 0xffffffff00000007');
    assert.equal(disassemble(insns, 0, { wideText: (i, v) => `map${i.src}:${v & 7n}` }), 'r1 = map1:7');
  });

  it('names calls through the callback', () => {
    const names = (insn: Insn): string | undefined =>
      insn.imm === 1 ? 'bpf_map_lookup_elem' : insn.src === 1 ? 'my_callback' : undefined;
    assert.equal(disassemble([slot(0x85, 0, 0, 0, 1)], 0, { callName: names }), 'call bpf_map_lookup_elem#1');
    assert.equal(disassemble([slot(0x85, 0, 1, 0, 9)], 0, { callName: names }), 'call my_callback');
    assert.equal(disassemble([slot(0x85, 0, 0, 0, 2)], 0, { callName: names }), 'call unknown#2');
  });

  it('prints a program line by line and steps over second slots', () => {
    const insns = [slot(0x18, 1, 0, 0, 1), slot(0), slot(0x95)];
    assert.deepEqual(disassembleProgram(insns), ['0: (18) r1 = 0x1', '2: (95) exit']);
  });

  it('never throws on any slot', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.boolean(), (bytes, llvm) => {
        const text = disassemble(decode(bytes), 0, { dialect: llvm ? 'llvm' : 'kernel' });
        assert.ok(text.length > 0 && !text.includes('undefined'), text);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('assemble', () => {
  for (const dialect of ['kernel', 'llvm'] as const)
    it(`reads back what is written in the ${dialect} dialect`, () => {
      for (const name of opcodeNames) {
        // llvm writes these without the fields that the encoding has.
        if (dialect === 'llvm' && (OPCODES[name].kind === 'loadInd' || name === 'callKfunc')) continue;
        // The kernel's log writes every call that is not local the same way.
        if (dialect === 'kernel' && name === 'callx') continue;
        if (name === 'callLocal' && dialect === 'llvm') continue;
        fc.assert(
          fc.property(arbitraryInsn(name), (insns) => {
            const text = disassembleProgram(insns, { dialect }).join('\n');
            assert.deepEqual(assemble(text), insns, text);
          }),
          { numRuns: 30 },
        );
      }
    });

  it('resolves labels, forwards and backwards, over wide loads', () => {
    const insns = assemble(`
      start:
        r1 = 0x1122334455667788 ll   ; two slots
        if r1 == 0 goto done
        call function
        goto start
      function:
        r0 = 0
      done:
        exit`);
    assert.deepEqual(
      insns.map((i) => [i.code, i.off, i.imm]),
      [
        [0x18, 0, 0x55667788],
        [0, 0, 0x11223344],
        [0x15, 3, 0],
        [0x85, 0, 1],
        [0x05, -5, 0],
        [0xb7, 0, 0],
        [0x95, 0, 0],
      ],
    );
  });

  it('asks for helper names', () => {
    const [call] = assemble('call bpf_timer_init', {
      helperId: (name) => (name === 'bpf_timer_init' ? 169 : undefined),
    });
    assert.deepEqual(call, slot(0x85, 0, 0, 0, 169));
  });

  it('says which line it cannot read', () => {
    for (const [text, line] of [
      ['exit\nr1 =', 2],
      ['goto nowhere', 1],
      ['r1 = r12345', 1],
      ['r1 += 0x1ffffffff', 1],
      ['w1 = (s32)w2', 1],
    ] as const)
      assert.throws(
        () => assemble(text),
        (error) => error instanceof FormatError && error.offset === line,
        text,
      );
  });
});
