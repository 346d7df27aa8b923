/** Tests of runtime/ide/expressionRange: which extent a compiler's place stands for. */
import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { tokenizeC } from '../../runtime/ide/cTokens';
import { expressionColumns, SourceText, utf16Column } from '../../runtime/ide/expressionRange';

/** The text that the range at the `^` of the second line covers. */
function at(line: string, caret: string): string {
  const { column, endColumn } = expressionColumns(line, caret.indexOf('^') + 1);
  return line.slice(column - 1, endColumn - 1);
}

describe('the expression at a compiler’s place', () => {
  const cases: readonly [what: string, line: string, caret: string, wanted: string][] = [
    [
      'a call from its name to its closing parenthesis',
      '\tif (bpf_timer_init(&beat->timer, &beats, 1))',
      '\t    ^',
      'bpf_timer_init(&beat->timer, &beats, 1)',
    ],
    ['a member access with its base', '  x = beat->inner.count;', '                  ^', 'beat->inner.count'],
    ['an increment with its operand', '  beat->count++;', '             ^', 'beat->count++'],
    ['a prefix increment with its operand', '  ++beat->count;', '  ^', '++beat->count'],
    ['an assignment whole', '  *(__u64 *)p = a + b;', '              ^', '*(__u64 *)p = a + b'],
    ['a compound assignment', '  beat->count += f(1, 2);', '              ^', 'beat->count += f(1, 2)'],
    ['a sum with both operands', '  y = a * 2 + b[3] * c;', '            ^', 'a * 2 + b[3] * c'],
    ['a product without the sum around it', '  y = a + b * c;', '            ^', 'b * c'],
    ['a comparison inside a condition', '  if (i < f(x) && z)', '        ^', 'i < f(x)'],
    ['an if with its condition', '  if (!beat) return 0;', '  ^', 'if (!beat)'],
    ['a return with its value', '  return beat->count;', '  ^', 'return beat->count'],
    ['a dereference with its operand', '  y = *p->q + 1;', '      ^', '*p->q'],
    ['a cast is part of the operand', '  y = (int)p->x & 7;', '                ^', '(int)p->x & 7'],
    ['an index with its base', '  y = a->b[i + 1];', '          ^', 'a->b[i + 1]'],
    ['a negation', '  if (!beat->on)', '      ^', '!beat->on'],
    ['a plain variable', '  use(value, 2);', '      ^', 'value'],
    ['a dereference after a condition', '  if (x) *p = 1;', '            ^', '*p = 1'],
    ['a product, not a cast', '  y = (a) * b;', '          ^', '(a) * b'],
    ['a string', '  bpf_printk("a (b", x);', '             ^', '"a (b"'],
    ['a brace', 'static int f(void) {', '                   ^', '{'],
  ];
  for (const [what, line, caret, wanted] of cases) {
    it(`covers ${what}`, () => assert.equal(at(line, caret), wanted));
  }

  it('is the line without its blanks when the column is unknown or outside', () => {
    assert.deepEqual(expressionColumns('\tx = 1; // why', 0), { column: 2, endColumn: 8 });
    assert.deepEqual(expressionColumns('  x;', 99), { column: 3, endColumn: 5 });
    assert.deepEqual(expressionColumns('', 1), { column: 1, endColumn: 1 });
  });

  it('spans lines where the whole text is known', () => {
    const text = new SourceText('int f(void) {\n  call(a, // one (\n       b);\n}\n');
    const span = text.expressionAt(2, 3)!;
    assert.equal(text.text.slice(span.start, span.end), 'call(a, // one (\n       b)');
    assert.deepEqual(text.positionAt(span.end), { line: 2, character: 9 });
  });

  it('counts the compiler’s columns in bytes', () => {
    const line = '/* ä€😀 */ x->y = 1;';
    const bytes = new TextEncoder().encode(line.slice(0, line.indexOf('y'))).length;
    assert.equal(utf16Column(line, bytes), line.indexOf('y'));
    const text = new SourceText(line);
    const span = text.expressionAt(1, bytes + 1)!;
    assert.equal(line.slice(span.start, span.end), 'x->y');
  });

  it('has no expression on a line that does not exist', () => {
    assert.equal(new SourceText('a\n').expressionAt(9, 1), undefined);
    assert.equal(new SourceText('a\n').expressionAt(0, 1), undefined);
  });

  it('never throws and stays inside the text, whatever the text is', () => {
    const piece = fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      ';',
      ',',
      '->',
      '.',
      '*',
      '&',
      '=',
      '+',
      '++',
      '!',
      'if',
      'return',
      'x',
      '1',
      '"',
      "'",
      '/*',
      '*/',
      '//',
      '\n',
      ' ',
      '\\',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.nat(80), (pieces, offset) => {
        const text = pieces.join('');
        const source = new SourceText(text);
        const { line, character } = source.positionAt(Math.min(offset, text.length));
        const span = source.expressionAt(line + 1, character + 1);
        if (span === undefined) return;
        assert.ok(span.start >= 0 && span.start <= span.end && span.end <= text.length);
        for (const token of tokenizeC(text)) assert.ok(token.end <= text.length && token.start < token.end);
      }),
      { numRuns: 500 },
    );
  });
});
