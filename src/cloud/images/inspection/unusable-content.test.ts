import { afterAll, describe, expect, it } from 'vitest';
import {
  inspectBytes,
  isoImage,
  luksOfVersion1,
  mbrDisk,
  patched,
  protectiveMbrDisk,
  refused,
  TestImages,
} from './test-images.ts';

const images = new TestImages();
afterAll(() => images.remove());

describe('qed, luks, partition tables, several formats', () => {
  it('qed is refused whatever it is declared as', () => {
    const qed = images.create('qed');
    expect(refused(qed, 'qed')).toMatch(/^unsafe/);
    expect(refused(qed, 'qcow2')).toMatch(/^format_mismatch/);
    const use = () => inspectBytes(qed, { declaredFormat: 'raw', policy: 'use' });
    expect(use).toThrow(expect.objectContaining({ code: 'format_mismatch' }));
  });

  it('luks of version 2, or one that would keep a host busy, is refused', () => {
    const luks = luksOfVersion1();
    expect(inspectBytes(luks, { declaredFormat: 'luks' })).toMatchObject({ format: 'luks', virtualSize: 4096 });
    const upload = (change: (copy: Buffer) => void) => () =>
      inspectBytes(patched(luks, change), { declaredFormat: 'luks' });
    expect(upload((copy) => copy.writeUInt16BE(2, 6))).toThrow(/version 2/);
    expect(upload((copy) => copy.writeUInt32BE(12_000_001, 212))).toThrow(/iterations/);
    expect(upload((copy) => copy.writeUInt32BE(12_000_001, 164))).toThrow(/iterations/);
    expect(upload((copy) => copy.writeUInt32BE(0xffffffff, 104))).toThrow(/payload/);
  });

  it.each<[string, Buffer]>([
    ['a bad boot flag', patched(mbrDisk(), (disk) => disk.writeUInt8(0x7f, 446))],
    ['no partitions', patched(mbrDisk(), (disk) => disk.fill(0, 446, 510))],
    ['a protective partition elsewhere', patched(protectiveMbrDisk(), (disk) => disk.writeUInt32LE(2, 446 + 8))],
    ['an odd protective start', patched(protectiveMbrDisk(), (disk) => disk.writeUInt8(1, 446 + 2))],
    ['partitions beside the protective one', patched(protectiveMbrDisk(), (disk) => disk.writeUInt8(0x83, 462 + 4))],
  ])('a partition table with %s is refused for use', (_name, disk) => {
    expect(() => inspectBytes(disk, { declaredFormat: 'raw', policy: 'use' })).toThrow(
      expect.objectContaining({ code: 'unsafe' }),
    );
    expect(inspectBytes(disk, { declaredFormat: 'raw' }).format).toBe('raw');
  });

  it('a FAT file system is not a partition table', () => {
    const fat = Buffer.alloc(4096);
    fat[0x10] = 2;
    fat[0x15] = 0xf8;
    fat.writeUInt16LE(0xaa55, 510);
    expect(inspectBytes(fat, { declaredFormat: 'raw', policy: 'use' }).detected).toEqual(['raw']);
  });

  it.each<[string, () => Buffer]>([
    ['a qcow2 with a backing file', () => patched(images.create('qcow2'), (copy) => copy.writeBigUInt64BE(512n, 8))],
    ['a qcow2 with a data file', () => patched(images.create('qcow2'), (copy) => copy.writeUInt8(4, 0x4f))],
    ['a qcow2 of version 1', () => patched(images.create('qcow2'), (copy) => copy.writeUInt32BE(1, 4))],
    ['a differencing vdi', () => patched(images.create('vdi'), (copy) => copy.writeUInt32LE(4, 0x4c))],
    ['a differencing vhd', () => patched(images.create('vpc'), (copy) => copy.writeUInt32BE(4, 0x3c))],
    ['a vhdx', () => images.create('vhdx')],
    ['a qed', () => images.create('qed')],
    ['a luks of version 2', () => Buffer.concat([Buffer.from('LUKS\xba\xbe\0\x02', 'latin1'), Buffer.alloc(8192)])],
  ])('%s that is declared raw is stored as bytes, and never used', (_name, make) => {
    const bytes = make();
    expect(inspectBytes(bytes, { declaredFormat: 'raw' })).toMatchObject({ format: 'raw', virtualSize: bytes.length });
    for (const declaredFormat of ['raw', 'iso', 'ami']) {
      const use = () => inspectBytes(bytes, { declaredFormat, policy: 'use' });
      expect(use, declaredFormat).toThrow(expect.objectContaining({ code: 'format_mismatch' }));
    }
  });

  it('content of several formats is refused', () => {
    const polyglot = patched(isoImage(), (copy) => images.create('qcow2').copy(copy, 0, 0, 512));
    for (const declared of ['iso', 'qcow2'])
      expect(refused(polyglot, declared)).toMatch(/^(multiple_formats|truncated|unsafe)/);
    const use = () => inspectBytes(polyglot, { declaredFormat: 'raw', policy: 'use' });
    expect(use).toThrow(expect.objectContaining({ code: 'multiple_formats' }));
    const isoAndGptAndQcow2 = patched(polyglot, (copy) => mbrDisk().copy(copy, 446, 446, 512));
    expect(refused(isoAndGptAndQcow2, 'iso')).toMatch(/^multiple_formats/);
    const qcow2AndGpt = patched(images.create('qcow2'), (copy) => mbrDisk().copy(copy, 446, 446, 512));
    expect(refused(qcow2AndGpt, 'qcow2')).toMatch(/^multiple_formats|^unsafe/);
  });
});
