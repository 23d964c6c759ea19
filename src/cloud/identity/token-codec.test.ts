import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type TokenClaims, TokenCodec, type TokenScope } from './token-codec.ts';

const codec = new TokenCodec(randomBytes(32));

const scope: fc.Arbitrary<TokenScope> = fc.oneof(
  fc.record({ kind: fc.constant('project' as const), id: fc.string(), name: fc.string(), domainId: fc.string() }),
  fc.record({ kind: fc.constant('domain' as const), id: fc.string(), name: fc.string() }),
  fc.constant({ kind: 'system' as const }),
  fc.constant({ kind: 'unscoped' as const }),
);

const claims: fc.Arbitrary<TokenClaims> = fc.record({
  userId: fc.string(),
  userName: fc.string({ unit: 'grapheme' }),
  userDomainId: fc.string(),
  scope,
  roles: fc.array(fc.string(), { maxLength: 5 }),
  methods: fc.array(fc.string(), { maxLength: 3 }),
  auditIds: fc.array(fc.string(), { minLength: 1, maxLength: 2 }),
  issuedAt: fc.nat(),
  expiresAt: fc.nat(),
});

describe('TokenCodec', () => {
  test('reads back what it wrote', () => {
    fc.assert(
      fc.property(claims, (one) => {
        expect(codec.open(codec.seal(one))).toEqual(one);
      }),
    );
  });

  test('a token with any other character anywhere is no token', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=';
    fc.assert(
      fc.property(claims, fc.nat(), fc.constantFrom(...alphabet), (one, position, letter) => {
        const token = codec.seal(one);
        const at = position % token.length;
        fc.pre(token[at] !== letter);
        expect(codec.open(token.slice(0, at) + letter + token.slice(at + 1))).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  test('cut and lengthened tokens, and other texts, are no tokens', () => {
    fc.assert(
      fc.property(claims, fc.nat(), fc.string(), (one, cut, text) => {
        const token = codec.seal(one);
        expect(codec.open(token.slice(0, cut % token.length))).toBeUndefined();
        if (text !== '') expect(codec.open(token + text)).toBeUndefined();
        expect(codec.open(text)).toBeUndefined();
      }),
    );
  });

  test('a token of another key is no token', () => {
    const other = new TokenCodec(randomBytes(32));
    fc.assert(
      fc.property(claims, (one) => {
        expect(codec.open(other.seal(one))).toBeUndefined();
      }),
    );
  });

  test('a short key is refused', () => {
    expect(() => new TokenCodec(randomBytes(16))).toThrow('too short');
  });
});
