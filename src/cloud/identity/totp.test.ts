import { describe, expect, it } from 'vitest';
import { passcodeAt, stepOfPasscode, totpSecret } from './totp.ts';

/** The secret of RFC 6238's appendix B. */
const secret = Buffer.from('12345678901234567890');

describe('passcodes', () => {
  it.each([
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ])('are those of RFC 6238 at %i seconds', (seconds, passcode) => {
    expect(passcodeAt(secret, seconds * 1_000_000, 8)).toBe(passcode);
    expect(passcodeAt(secret, seconds * 1_000_000)).toBe(passcode.slice(2));
  });

  it('are good in their half minute and the next one, not before and not after', () => {
    const start = 1_111_111_110;
    const good = [-1, 0, 29, 30, 59, 60].map((later) => stepOfPasscode(secret, '050471', (start + later) * 1_000_000));
    const step = start / 30;
    expect(good).toEqual([undefined, step, step, step, step, undefined]);
    expect(stepOfPasscode(secret, '05047', start * 1_000_000)).toBeUndefined();
    expect(stepOfPasscode(secret, '05047１', start * 1_000_000)).toBeUndefined();
  });
});

describe('secrets', () => {
  it('are read as authenticator apps have them', () => {
    expect(totpSecret('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')).toEqual(secret);
    expect(totpSecret(' gezdgnbvgy3tqojqgezdgnbvgy====== ')).toEqual(Buffer.from('1234567890123456'));
  });

  it.each(['', 'GEZDGNBV', 'GEZDGNBVGY3TQOJQGEZDGNBVG1', '1234567890123456'])('%j is none', (text) => {
    expect(totpSecret(text)).toBeUndefined();
  });
});
