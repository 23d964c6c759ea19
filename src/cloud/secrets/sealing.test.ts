import { describe, expect, it } from 'vitest';
import { realEnv } from '../../env/real.ts';
import { defaultSettings } from '../settings.ts';
import { isCurrent, SecretsLocked, seal, secretKeysFrom, unseal } from './sealing.ts';

const env = realEnv();
const [old, young] = ['a'.repeat(64), 'b'.repeat(64)];
const withKeys = (...lines: string[]) => ({
  env,
  settings: { ...defaultSettings, secretKeys: secretKeysFrom(lines.join('\n')) },
});

describe('secrets in the database', () => {
  it('are encrypted anew each time, and decrypted by the same key in the same place', () => {
    const core = withKeys(old);
    const [one, two] = [seal(core, 'sesame', 't.c/1'), seal(core, 'sesame', 't.c/1')];
    expect(one).not.toBe(two);
    expect(`${one}${two}`).not.toContain('sesame');
    expect([unseal(core, one, 't.c/1'), unseal(core, two, 't.c/1')]).toEqual(['sesame', 'sesame']);
    expect(unseal(core, seal(core, '', 't.c/1'), 't.c/1')).toBe('');
    expect(unseal(core, seal(core, '雲海 ☁', 't.c/1'), 't.c/1')).toBe('雲海 ☁');
    expect(() => unseal(core, one, 't.c/2')).toThrow(SecretsLocked);
    for (const at of [10, 20, one.length - 3]) {
      const damaged = `${one.slice(0, at)}${one[at] === 'A' ? 'B' : 'A'}${one.slice(at + 1)}`;
      expect(() => {
        if (unseal(core, damaged, 't.c/1') === damaged) throw new SecretsLocked('taken for plain');
      }).toThrow(SecretsLocked);
    }
  });

  it('are read with any of the keys, and written with the first', () => {
    const before = seal(withKeys(old), 'sesame', 't.c/1');
    const both = withKeys(young, ` ${old} `, '');
    expect(unseal(both, before, 't.c/1')).toBe('sesame');
    const now = seal(both, 'sesame', 't.c/1');
    expect(unseal(withKeys(young), now, 't.c/1')).toBe('sesame');
    expect([isCurrent(both, before), isCurrent(both, now)]).toEqual([false, true]);
    expect(() => unseal(withKeys(young), before, 't.c/1')).toThrow(/a key that is not there/);
    expect(() => unseal(withKeys(), before, 't.c/1')).toThrow(SecretsLocked);
  });

  it('stay as they are without keys, and are read when there are some', () => {
    expect(seal(withKeys(), 'sesame', 't.c/1')).toBe('sesame');
    expect(unseal(withKeys(old), 'sesame', 't.c/1')).toBe('sesame');
    // Users who choose such words stop nothing.
    for (const secret of ['sealed1.00000000.AAAA', 'plain1.sesame', 'plain1.sealed1.00000000.AAAA']) {
      const kept = seal(withKeys(), secret, 't.c/1');
      for (const core of [withKeys(), withKeys(old)]) expect(unseal(core, kept, 't.c/1')).toBe(secret);
      expect(unseal(withKeys(old), seal(withKeys(old), secret, 't.c/1'), 't.c/1')).toBe(secret);
    }
    expect([isCurrent(withKeys(), 'sesame'), isCurrent(withKeys(old), 'sesame')]).toEqual([true, false]);
  });
});
