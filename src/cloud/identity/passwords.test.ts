import { describe, expect, test } from 'vitest';
import { realEnv } from '../../env/real.ts';
import { Passwords, sha512Hex } from './passwords.ts';

describe('Passwords', () => {
  test('SHA-512 is what ZStack clients send for the password "password"', () => {
    expect(sha512Hex('password')).toMatch(/^b109f3bbbc244eb8.*cacbc86$/);
  });

  test('knows the right password from wrong ones, and hashes the same one differently each time', async () => {
    const passwords = new Passwords(realEnv());
    const [one, two] = await Promise.all([passwords.hash(sha512Hex('secret')), passwords.hash(sha512Hex('secret'))]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(one).not.toBe(two);
    expect(await passwords.verify(sha512Hex('secret'), one)).toBe(true);
    expect(await passwords.verify(sha512Hex('secret').toUpperCase(), one)).toBe(true);
    expect(await passwords.verify(sha512Hex('Secret'), one)).toBe(false);
    expect(await passwords.verify(sha512Hex('secret'), undefined)).toBe(false);
    expect(await passwords.verify(sha512Hex('secret'), 'no hash at all')).toBe(false);
  });

  test('many logins at a time leave the event loop free, and too many are told to come back', async () => {
    const passwords = new Passwords(realEnv(), { concurrent: 2, waiting: 8 });
    let turns = 0;
    let isDone = false;
    const turn = () => {
      turns += 1;
      if (!isDone) setImmediate(turn);
    };
    setImmediate(turn);
    const answers = Array.from({ length: 30 }, () => passwords.verify('x', undefined).catch((error) => error.code));
    // Two are hashed, eight wait, the rest are refused at once: those are known before any hash is done.
    const refused = await Promise.all(answers.slice(10));
    expect(new Set(refused)).toEqual(new Set(['unavailable']));
    expect(await Promise.all(answers.slice(0, 10))).toEqual(Array(10).fill(false));
    isDone = true;
    expect(turns).toBeGreaterThan(20);
  });
});
