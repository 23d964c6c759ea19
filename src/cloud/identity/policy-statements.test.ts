import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge, type PolicyStatement } from './policy-statements.ts';

const policy = { id: 'p', name: 'p' };
const allowed = (names: string[], ...statements: Array<[PolicyStatement['effect'], ...string[]]>) =>
  judge(
    statements.map(([effect, ...actions]) => ({ effect, actions, policy })),
    names,
  ).effect === 'Allow';

describe('policy statements', () => {
  it('name requests by whole names, by * within a part and ** over all', () => {
    const names = ['org.zstack.header.image.APIAddImageMsg', 'APIAddImageMsg'];
    for (const action of [...names, '**', 'org.**', 'org.*.header.image.*', 'API*', '**.APIAdd*Msg', '*AddImage*']) {
      expect(allowed(names, ['Allow', action]), action).toBe(true);
    }
    for (const action of ['', 'org.*', 'org.zstack.*Msg', 'AddImage', 'API', '*.APIAddImage', 'orgxzstack.**']) {
      expect(allowed(names, ['Allow', action]), action).toBe(false);
    }
  });

  it('deny what is spoken of by nothing, and what any of them denies', () => {
    expect(judge([], ['a'])).toEqual({ effect: 'Deny' });
    expect(allowed(['a'], ['Allow', '**'], ['Deny', 'b'])).toBe(true);
    expect(allowed(['a'], ['Deny', '*'], ['Allow', 'a'])).toBe(false);
  });

  it('match as the regular expression that they stand for, in whatever pattern', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', '.'), { maxLength: 8 }).map((all) => all.join(''));
    const patterns = fc.array(fc.constantFrom('a', 'b', '.', '*', '**'), { maxLength: 8 }).map((all) => all.join(''));
    fc.assert(
      fc.property(patterns, letters, (pattern, name) => {
        const meant = pattern.replaceAll(/\*+|\./g, (part) => (part === '.' ? '\\.' : part === '*' ? '[^.]*' : '.*'));
        expect(allowed([name], ['Allow', pattern])).toBe(new RegExp(`^${meant}$`).test(name));
      }),
    );
  });

  it('take no longer for patterns of many stars', () => {
    const names = ['a'.repeat(120)];
    expect(allowed(names, ['Allow', `${'*a'.repeat(60)}b`])).toBe(false);
  });
});
