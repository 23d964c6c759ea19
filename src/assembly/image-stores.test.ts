import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseStore } from './image-stores.ts';

describe('--store', () => {
  it.each([
    ['name=a,url=stores/a', { kind: 'directory', url: resolve('stores/a'), zones: [] }],
    ['name=a,url=s3://b/p?endpoint=http://h:1&region=r', { kind: 's3', url: 's3://b/p?endpoint=http://h:1&region=r' }],
    ['name=a,url=file:///srv/my%20images', { kind: 'directory', url: '/srv/my images' }],
    ['name=a,kind=ceph,zone=x+y,url=ceph://pool', { kind: 'ceph', url: 'ceph://pool', zones: ['x', 'y'] }],
    [
      'name=a,url=sftp://u@h/f?key=/k,address=http://h',
      { kind: 'sftp', url: 'sftp://u@h/f?key=/k', address: 'http://h' },
    ],
  ])('%s', (text, store) => expect(parseStore(text)).toMatchObject({ name: 'a', ...store }));

  it.each([
    ['name=a,kind=tape,url=x', 'kind is one of'],
    ['name=a/b,url=x', 'name is missing'],
    ['name=a', 'url is missing'],
    ['size=1', 'size is none of'],
    ['name=a,url=sftp://u:sesame@h/f', 'write sftp://user@host:22/folder'],
    ['name=a,url=nfs://h/f', 'write /folder or file:///folder'],
    ['name=a,url=file://h/f', 'write /folder or file:///folder'],
    ['name=a,kind=directory,url=s3://b', 'write /folder or file:///folder'],
    ['name=a,kind=sftp,url=/srv', 'write sftp://user@host:22/folder'],
  ])('refuses %s', (text, words) => {
    expect(() => parseStore(text)).toThrow(words);
    expect(() => parseStore(text)).not.toThrow('sesame');
  });
});
