import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LinearPattern } from './linear-pattern.ts';

test.each([
  ['', 'anything', true],
  ['web', 'my-web-1', true],
  ['^web', 'my-web-1', false],
  ['^.*\\-instance\\-[0-9]+$', 'tempest-instance-42', true],
  ['^.*\\-instance\\-[0-9]+$', 'tempest-instance-x', false],
  ['^(web|db)-\\d{1,3}$', 'db-12', true],
  ['^(web|db)-\\d{1,3}$', 'db-1234', false],
  ['a{2}b?c+', 'xaaccc', true],
  ['^a{2,}$', 'a', false],
  ['^(?:ab)*$', 'ababab', true],
  ['[^a-c]', 'abc', false],
  ['[]x]', ']', true],
  ['[a-]', '-', true],
  ['a.b', 'a\nb', false],
  ['\\w\\W\\s', 'a- ', true],
  ['^10\\.0\\.0\\.(1|2)$', '10.0.0.2', true],
  ['x|', 'y', true],
  ['a+?b', 'aab', true],
  ['日本', '東日本', true],
])('%j in %j: %s', (expression, text, is) => {
  expect(new LinearPattern(expression).isIn(text)).toBe(is);
});

test.each(['(', ')', '[a', '*a', 'a**', '\\', '(?=a)', '(a)\\1', 'a{1001}', 'a{3,2}', '[b-a]', '(a{99}){99}'])(
  '%j is refused',
  (expression) => {
    expect(() => new LinearPattern(expression)).toThrow(/is not a regular expression that is understood/);
  },
);

test('case is heeded or not', () => {
  expect(new LinearPattern('WEB').isIn('web')).toBe(false);
  const isIn = (expression: string, text: string) => new LinearPattern(expression, { ignoresCase: true }).isIn(text);
  expect(isIn('WEB', 'my-Web')).toBe(true);
  expect(isIn('^[A-C]+\\D$', 'abcx')).toBe(true);
  expect(isIn('^[^a]$', 'A')).toBe(false);
});

test('an expression that others take ages for takes no longer than any other', () => {
  const pattern = new LinearPattern('^(a|a|a?a?)*(a+)+$');
  expect(pattern.isIn(`${'a'.repeat(5000)}b`)).toBe(false);
});

test('it finds what RegExp finds', () => {
  const letter = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '^', '$');
  const piece = fc
    .tuple(letter, fc.constantFrom('', '*', '+', '?', '{2}', '{1,2}'))
    .map(([one, count]) => (one === '^' || one === '$' ? one : one + count));
  const sequence = fc.array(piece, { maxLength: 4 }).map((all) => all.join(''));
  const expression = fc
    .tuple(sequence, sequence, sequence, fc.constantFrom('', '*', '+', '?'))
    .map(([before, one, other, count]) => `${before}(${one}|${other})${count}`);
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1'), maxLength: 8 });
  fc.assert(
    fc.property(expression, text, (pattern, given) => {
      expect(new LinearPattern(pattern).isIn(given)).toBe(new RegExp(pattern).test(given));
    }),
    { numRuns: 3000 },
  );
});
