import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSignedWith, oauthParameters, percentEncoded, signatureBase, signatureOf } from './signature.ts';

function header(parameters: Iterable<readonly [string, string]>): string {
  return `OAuth ${[...parameters].map(([k, v]) => `${percentEncoded(k)}="${percentEncoded(v)}"`).join(', ')}`;
}

describe('the base string', () => {
  test('is that of the RFC: parameters of the query twice decoded, encoded once and in order', () => {
    // The example of section 3.4.1.1, with what its body says in the header as well.
    const parameters: Array<readonly [string, string]> = [
      ['oauth_consumer_key', '9djdj82h48djs9d2'],
      ['oauth_token', 'kkk9d7dh3k39sjv7'],
      ['oauth_signature_method', 'HMAC-SHA1'],
      ['oauth_timestamp', '137131201'],
      ['oauth_nonce', '7d8f3e4a'],
      ['c2', ''],
      ['a3', '2 q'],
    ];
    expect(signatureBase('post', 'HTTP://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b', parameters)).toBe(
      'POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2' +
        '%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1' +
        '%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7',
    );
  });

  test('keeps a port that is not the usual one', () => {
    expect(signatureBase('GET', 'http://example.com:8080/a', [])).toBe('GET&http%3A%2F%2Fexample.com%3A8080%2Fa&');
  });
});

describe('the signature', () => {
  // Section 1.2: the client trades its temporary credentials, and asks for a picture.
  test.each([
    [
      'POST',
      'https://photos.example.net/token',
      'hdhd0244k9j7ao03',
      'gKgrFCywp7rO0OXSjdot/IHF7IU=',
      {
        oauth_consumer_key: 'dpf43f3p2l4k3l03',
        oauth_token: 'hh5s93j4hdidpola',
        oauth_signature_method: 'HMAC-SHA1',
        oauth_timestamp: '137131201',
        oauth_nonce: 'walatlh',
        oauth_verifier: 'hfdp7dh39dks9884',
      },
    ],
    [
      'GET',
      'http://photos.example.net/photos?file=vacation.jpg&size=original',
      'pfkkdhi9sl3r4s00',
      'MdpQcU8iPSUjWoN/UDMsK2sui9I=',
      {
        oauth_consumer_key: 'dpf43f3p2l4k3l03',
        oauth_token: 'nnch734d00sl2jdk',
        oauth_signature_method: 'HMAC-SHA1',
        oauth_timestamp: '137131202',
        oauth_nonce: 'chapoH',
      },
    ],
  ])('is that of the RFC: %s %s', (method, url, tokenSecret, signature, parameters) => {
    const authorization = header([['realm', 'Photos'], ...Object.entries(parameters), ['oauth_signature', signature]]);
    const request = { method, urls: ['http://elsewhere.example/', url], authorization };
    expect(isSignedWith(request, 'kd94hf93k423kf44', tokenSecret)).toBe(true);
    expect(isSignedWith({ ...request, urls: ['http://elsewhere.example/'] }, 'kd94hf93k423kf44', tokenSecret)).toBe(
      false,
    );
    expect(isSignedWith({ ...request, method: 'DELETE' }, 'kd94hf93k423kf44', tokenSecret)).toBe(false);
    expect(isSignedWith(request, 'kd94hf93k423kf45', tokenSecret)).toBe(false);
    expect(isSignedWith(request, 'kd94hf93k423kf44', `${tokenSecret}x`)).toBe(false);
  });

  test('is by HMAC and SHA-1, SHA-256 or SHA-512, never the secrets themselves', () => {
    // As Python's hmac has it, by the key `a%20b&c%26d`.
    expect(signatureOf('HMAC-SHA256', 'base', 'a b', 'c&d')).toBe('vhWAVgvD13yOow4i1F4DHTWRyDQ+beYJETaG0PWcm60=');
    expect(signatureOf('HMAC-SHA512', 'base', 'a', 'b')).toHaveLength(88);
    for (const other of ['PLAINTEXT', 'RSA-SHA1', 'toString', '']) {
      expect(signatureOf(other, 'base', 'a', 'b')).toBeUndefined();
    }
  });

  test('covers every parameter, whatever it holds', () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.dictionary(text, text, { maxKeys: 5 }), text, text, text, (given, key, value, secret) => {
        const parameters = new Map(Object.entries(given));
        for (const name of ['realm', 'oauth_signature']) parameters.delete(name);
        fc.pre(![...parameters.keys()].some((name) => name.toLowerCase() === 'realm'));
        parameters.set('oauth_signature_method', 'HMAC-SHA256');
        const url = 'https://cloud.example/identity/v3/auth/tokens';
        const signature = signatureOf('HMAC-SHA256', signatureBase('POST', url, parameters), secret, '')!;
        const signed = (more: Array<[string, string]>) => ({
          method: 'POST',
          urls: [url],
          authorization: header([...parameters, ...more, ['oauth_signature', signature]]),
        });
        expect(isSignedWith(signed([]), secret, '')).toBe(true);
        if (parameters.has(key) || /^(realm|oauth_signature)$/i.test(key)) return;
        expect(isSignedWith(signed([[key, value]]), secret, '')).toBe(false);
      }),
    );
  });
});

describe('a header', () => {
  test('is read as the RFC has it', () => {
    const read = oauthParameters('OAuth realm="Example",\n oauth_token="kkk9d7dh3k39sjv7" , a%20b="%E2%9C%93"');
    expect([...read!]).toEqual([
      ['oauth_token', 'kkk9d7dh3k39sjv7'],
      ['a b', '✓'],
    ]);
  });

  test.each(
    [
      undefined,
      '',
      'Basic abc',
      'OAuth',
      'OAuth a',
      'OAuth a="1", a="2"',
      'OAuth a="%zz"',
      'OAuth a="1" b="2"',
      `OAuth a="${'x'.repeat(9000)}"`,
    ].map((text) => ({ text, start: text?.slice(0, 20) })),
  )('that is none is not taken for one: $start', ({ text }) => {
    expect(oauthParameters(text)).toBeUndefined();
  });
});
