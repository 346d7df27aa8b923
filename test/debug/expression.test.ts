/** The C expression evaluator: C's own rules as the oracle, random arithmetic against bigint. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { evaluate } from '../../runtime/debug/evaluate';
import { ExpressionError, parseExpression } from '../../runtime/debug/expression';
import { formatDuration } from '../../runtime/debug/timeText';
import { readScalar } from '../../runtime/debug/values';
import { hitCountSatisfied } from '../../runtime/debug/breakpoints';
import { samePath } from '../../runtime/debug/sourceMap';
import { Session } from './support';

describe('expressions', () => {
  let s: Session;
  before(() => {
    s = new Session('tour.o', 'tour.bpf.c', { program: 'classify' });
    s.breakAt('expired');
    s.continue();
  });

  const gives: readonly (readonly [string, string])[] = [
    ['1 + 2 * 3', '7'],
    ['(1 + 2) * 3', '9'],
    ['-7 / 2', '-3'],
    ['-7 % 2', '-1'],
    ['1 << 31', '-2147483648'],
    ['1u << 31', '2147483648'],
    ['1ll << 40', '1099511627776'],
    ['-1 >> 1', '-1'],
    ['~0u', '4294967295'],
    ['~0', '-1'],
    ['0x7fffffff + 1', '-2147483648'],
    ['-1 < 0u', '0'],
    ['-1ll < 0u', '1'],
    ['!5', '0'],
    ['!!5', '1'],
    ['1 ? 2 : 3', '2'],
    ['0 ? 2 : 1 ? 4 : 5', '4'],
    ['1 || nothing', '1'],
    ['0 && nothing', '0'],
    ["'A' + 1", '66'],
    ['017', '15'],
    ['0b101', '5'],
    ['255,x', '0xff'],
    ['(unsigned char)300', '44'],
    ['(signed char)200', '-56'],
    ['(__u64)-1,x', '0xffffffffffffffff'],
    ['sizeof(struct entry)', '72'],
    ['sizeof(struct pair *)', '8'],
    ['sizeof entry->pair', '40'],
    ['entry->count', '0'],
    ['(*entry).count', '0'],
    ['entry[0].pair.low', '4'],
    ['entry->pair.list[2]', '3'],
    ['*entry->pair.list', '1'],
    ['*(entry->pair.list + 1)', '2'],
    ['entry->pair.name[0] == 116', '1'],
    ['entry->mood', 'BUSY (7)'],
    ['entry->mood == BUSY', '1'],
    ['&entry->pair.list[1] - &entry->pair.list[0]', '1'],
    ['((struct pair *)&entry->pair)->low', '4'],
    ['key->port', '80'],
    ['(struct key *)key == key', '1'],
    ['total + limit', '105'],
    ['entry.count', '0'],
    ['$cpu', '0'],
    ['$r10 != 0', '1'],
    ['$now > 5000000', '1'],
    ['BUSY', 'BUSY (7)'],
    ['NULL == 0', '1'],
  ];
  for (const [text, expected] of gives)
    it(`${text} gives ${expected}`, () => {
      assert.equal(s.value(text), expected);
    });

  const refuses: readonly (readonly [string, RegExp])[] = [
    ['', /nothing to evaluate/],
    ['1 +', /a value expected at the end/],
    ['(1', /'\)' expected at the end/],
    ['entry->missing', /struct entry has no member 'missing'/],
    ['missing', /no variable 'missing' here/],
    ['total = 3', /only read/],
    ['total++', /only read/],
    ['sum(1)', /functions cannot be called/],
    ['1 / 0', /division by zero/],
    ['table', /table is a map/],
    ['table[3]', /table has no element with key 3/],
    ['*total', /is not a pointer/],
    ['total->x', /is not a pointer/],
    ['((struct entry *)0)->count', /the pointer is NULL/],
    ['*(long *)0x1234', /not readable/],
    ['&5', /no address|register/],
    ['(struct nothing *)0', /no type|expected/],
    ['$r99', /\$r99 is not known/],
    ['1.5', /cannot read/],
    ['"text"', /string literals/],
    ['@', /cannot read '@'/],
    ['09', /not an octal/],
    ['('.repeat(300), /too deeply/],
    ['x'.repeat(5000), /too long/],
  ];
  for (const [text, pattern] of refuses)
    it(`refuses ${JSON.stringify(text.slice(0, 30))} with the reason`, () => {
      assert.throws(
        () => {
          const shown = s.value(text);
          if (shown.startsWith('<')) throw new ExpressionError(shown);
        },
        (error: unknown) => error instanceof ExpressionError && pattern.test(error.message),
      );
    });

  it('compute 64-bit arithmetic as C does', () => {
    const scope = s.debug.scope(s.stack()[0].live);
    const operators = ['+', '-', '*', '&', '|', '^'] as const;
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.constantFrom(...operators),
        (a, b, op) => {
          const { value } = evaluate(scope, `${a}ull ${op} ${b}ull`);
          const read = readScalar(s.debug.target, value);
          const exact =
            op === '+'
              ? a + b
              : op === '-'
                ? a - b
                : op === '*'
                  ? a * b
                  : op === '&'
                    ? a & b
                    : op === '|'
                      ? a | b
                      : a ^ b;
          return read.ok && read.value === BigInt.asUintN(64, exact);
        },
      ),
    );
  });

  it('never fail with anything but an explained error, whatever the text', () => {
    const scope = s.debug.scope(s.stack()[0].live);
    const piece = fc.constantFrom(
      'entry',
      '->',
      '.',
      '*',
      '&',
      '(',
      ')',
      '[',
      ']',
      '1',
      '0x9',
      'key',
      'table',
      '+',
      '?',
      ':',
      'sizeof',
      'struct',
      'pair',
      '$r1',
      ',',
      'x',
      '"',
      "'",
      '\\',
      '<<',
      '%',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (parts) => {
        try {
          evaluate(scope, parts.join(''));
        } catch (error) {
          return error instanceof ExpressionError;
        }
        return true;
      }),
      { numRuns: 2000 },
    );
  });

  it('parse a format suffix apart from the expression', () => {
    assert.equal(parseExpression('a,x', () => false).format, 'x');
    assert.equal(parseExpression('a', () => false).format, undefined);
    assert.throws(() => parseExpression('a,q', () => false), ExpressionError);
  });
});

describe('small things', () => {
  it('hit counts read as debuggers do', () => {
    assert.deepEqual(
      [1, 2, 3, 4].map((n) => hitCountSatisfied('3', n)),
      [false, false, true, true],
    );
    assert.deepEqual(
      [1, 2, 3, 4].map((n) => hitCountSatisfied('% 2', n)),
      [false, true, false, true],
    );
    assert.deepEqual(
      [1, 2, 3].map((n) => hitCountSatisfied('== 2', n)),
      [false, true, false],
    );
    assert.deepEqual(
      [1, 2, 3].map((n) => hitCountSatisfied('<2', n)),
      [true, false, false],
    );
  });

  it('durations have a fitting unit and three digits', () => {
    assert.deepEqual(
      [0n, 999n, 1_500n, 93_200_000n, 1_250_000n, 600_000_000_000n, -2_000n].map(formatDuration),
      ['0 ns', '999 ns', '1.5 µs', '93.2 ms', '1.25 ms', '600 s', '-2 µs'],
    );
  });

  it('paths compare as files, not as text', () => {
    assert.equal(samePath('/a/./b/../c.c', '/a/c.c'), true);
    assert.equal(samePath('src\\x.c', '/home/me/src/x.c'), true);
    assert.equal(samePath('C:\\x\\y.c', 'c:/x/y.c'), true);
    assert.equal(samePath('/a/x.c', '/b/x.c'), false);
    assert.equal(samePath('x.c', '/b/ax.c'), false);
  });
});
