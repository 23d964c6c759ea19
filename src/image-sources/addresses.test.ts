import { describe, expect, it } from 'vitest';
import { isInternalAddress } from './addresses.ts';
import { checkImageUrl } from './url.ts';

describe('an address', () => {
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd12:3456::1',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::7f00:1',
    '2002:7f00:1::',
    '2002:a00:1::1',
    '64:ff9b::10.0.0.1',
    '64:ff9b::a00:1',
    'not an address',
  ])('%s is an inner one', (address) => {
    expect(isInternalAddress(address)).toBe(true);
  });

  it.each(['8.8.8.8', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8', '2002:808:808::1'])(
    '%s is an outer one',
    (address) => {
      expect(isInternalAddress(address)).toBe(false);
    },
  );
});

describe('a URL', () => {
  it.each([
    'http://2130706433/',
    'http://0x7f.1/',
    'http://127.1/',
    'http://0177.0.0.1/',
    'http://user:secret@example.org/',
    'http://example.org:8080/',
    'ftp://example.org/',
    'file:///etc/passwd',
    'gopher://example.org/',
    'example.org/image',
    'http:///image',
    'http://127.0.0.1/',
    'http://169.254.169.254/latest/',
    'http://100.64.0.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://localhost/',
    'http://image.localhost./',
  ])('%s is refused', (url) => {
    expect(() => checkImageUrl(url, { allowInternal: false })).toThrow(/does not pass filtering/);
  });

  it.each(['http://example.org/image', 'https://example.org:443/', 'http://[2606:4700::1111]/', 'http://8.8.8.8/'])(
    '%s is taken',
    (url) => {
      expect(checkImageUrl(url, { allowInternal: false }).href).toContain('http');
    },
  );
});
