import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { inspectBytes, patched, refused, TestImages } from './test-images.ts';

const images = new TestImages();
afterAll(() => images.remove());

describe('qcow2', () => {
  const plain = images.create('qcow2');
  const changed = (change: (copy: Buffer) => void) => refused(patched(plain, change), 'qcow2');

  it('with a backing file is refused', () => {
    writeFileSync(images.path('secret'), Buffer.alloc(1024));
    images.qemuImg('create', '-q', '-f', 'qcow2', '-b', images.path('secret'), '-F', 'raw', 'overlay', '1M');
    expect(refused(readFileSync(images.path('overlay')), 'qcow2')).toMatch(/^unsafe: .*backing file/);
  });

  it('with an external data file is refused', () => {
    images.qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${images.path('d')},data_file_raw=on`, 'data', '1M');
    expect(refused(readFileSync(images.path('data')), 'qcow2')).toMatch(/^unsafe: .*another file/);
    // The name alone, without its feature bit, in place of the first extension.
    expect(changed((copy) => copy.writeUInt32BE(0x44415441, copy.readUInt32BE(100)))).toMatch(/^unsafe: .*data file/);
  });

  it('with extended L2 entries is refused', () => {
    const bytes = images.create('qcow2', 'extended_l2=on,cluster_size=128k');
    expect(refused(bytes, 'qcow2')).toMatch(/^unsafe: .*features/);
  });

  it('with encryption is refused', () => {
    const options = 'encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10';
    const bytes = images.create('qcow2', options, '--object', 'secret,id=key,data=secret');
    expect(refused(bytes, 'qcow2')).toMatch(/^unsafe: Encrypted/);
  });

  it.each<[string, RegExp, (copy: Buffer) => void]>([
    ['version 1', /^unsafe: .*version 1/, (copy) => copy.writeUInt32BE(1, 4)],
    ['version 4', /^unsafe: .*version 4/, (copy) => copy.writeUInt32BE(4, 4)],
    ['an unknown incompatible feature', /^unsafe: .*features/, (copy) => copy.writeBigUInt64BE(1n << 63n, 72)],
    ['a huge size', /^too_large/, (copy) => copy.writeBigUInt64BE(1n << 60n, 24)],
    ['an L1 table too small', /^unsafe: .*L1 table is too small/, (copy) => copy.writeBigUInt64BE(1n << 40n, 24)],
    ['tiny clusters', /^unsafe: .*2\^8/, (copy) => copy.writeUInt32BE(8, 20)],
    ['huge clusters', /^unsafe: .*2\^31/, (copy) => copy.writeUInt32BE(31, 20)],
    ['a huge L1 table', /^unsafe: .*L1/, (copy) => copy.writeUInt32BE(0xffffffff, 36)],
    ['an L1 table beyond the end', /^truncated: .*L1/, (copy) => copy.writeBigUInt64BE(1n << 40n, 40)],
    ['an L1 table over the header', /^unsafe: .*L1/, (copy) => copy.writeBigUInt64BE(0n, 40)],
    ['a refcount table beyond the end', /^truncated: .*refcount/, (copy) => copy.writeBigUInt64BE(1n << 40n, 48)],
    ['a huge refcount table', /^unsafe: .*refcount/, (copy) => copy.writeUInt32BE(0x10000, 56)],
    ['many snapshots', /^unsafe: .*60000/, (copy) => copy.writeUInt32BE(60000, 60)],
    [
      'snapshots beyond the end',
      /^truncated: .*snapshot/,
      (copy) => {
        copy.writeUInt32BE(1, 60);
        copy.writeBigUInt64BE(1n << 32n, 64);
      },
    ],
    ['an odd refcount order', /^unsafe: .*refcount order/, (copy) => copy.writeUInt32BE(7, 96)],
    ['an odd header length', /^unsafe: .*header length/, (copy) => copy.writeUInt32BE(99, 100)],
    ['an unknown compression', /^unsafe: .*compression/, (copy) => copy.writeUInt8(9, 104)],
    [
      'an endless extension',
      /^unsafe: .*extension/,
      (copy) => copy.writeUInt32BE(0xfffffff0, copy.readUInt32BE(100) + 4),
    ],
  ])('with %s is refused', (_name, expected, change) => {
    expect(changed(change)).toMatch(expected);
  });
});

describe('vmdk', () => {
  const plain = images.create('vmdk');
  const descriptorSize = 20 * 512;
  const withDescriptor = (edit: (text: string) => string) =>
    patched(plain, (copy) => {
      const text = copy.toString('latin1', 512, copy.indexOf(0, 512));
      const changed = edit(text);
      expect(changed).not.toBe(text);
      copy.fill(0, 512, 512 + descriptorSize).write(changed, 512, 'latin1');
    });
  const edited = (edit: (text: string) => string) => refused(withDescriptor(edit), 'vmdk');
  const extent = /^RW .*$/m;

  it.each(['monolithicFlat', 'twoGbMaxExtentSparse', 'twoGbMaxExtentFlat'])('%s is refused', (subformat) => {
    images.qemuImg('create', '-q', '-f', 'vmdk', '-o', `subformat=${subformat}`, `${subformat}.vmdk`, '10M');
    const bytes = readFileSync(images.path(`${subformat}.vmdk`));
    expect(refused(bytes, 'vmdk')).toMatch(/^unsafe: .*descriptor file/);
    // As a conversion leaves it: filled up to a sector.
    const padded = Buffer.concat([bytes.subarray(0, 511), Buffer.alloc(Math.max(1, 512 - bytes.length))]);
    expect(refused(padded, 'vmdk')).toMatch(/^unsafe: .*descriptor file/);
  });

  it('with a parent is refused', () => {
    images.qemuImg('create', '-q', '-f', 'vmdk', 'parent.vmdk', '10M');
    images.qemuImg('create', '-q', '-f', 'vmdk', '-b', 'parent.vmdk', '-F', 'vmdk', 'child.vmdk');
    expect(refused(readFileSync(images.path('child.vmdk')), 'vmdk')).toMatch(/^unsafe: .*parent/);
    expect(edited((text) => text.replace('ffffffff', '12345678'))).toMatch(/^unsafe: .*parent/);
    expect(edited((text) => `${text}\n#parentFileNameHint="x"`)).toMatch(/^unsafe: .*parent/);
  });

  it.each<[string, (text: string) => string]>([
    ['an absolute path', (text) => text.replace(extent, 'RW 20480 SPARSE "/etc/passwd"')],
    ['a flat extent', (text) => text.replace(extent, 'RW 20480 FLAT "neighbour" 0')],
    ['a second extent', (text) => text.replace(extent, '$&\nRW 20480 SPARSE "x"')],
    ['no extent', (text) => text.replace(extent, '')],
    ['an extent with tabs', (text) => text.replace(extent, 'RW\t20480\tFLAT\t"/etc/passwd=x"\t0')],
    ['an extent in disguise', (text) => text.replace(extent, '$&\n  rdonly 1 zero "/x"')],
    ['another type', (text) => text.replace('monolithicSparse', 'monolithicFlat')],
    ['a raw device', (text) => text.replace('monolithicSparse', 'fullDevice')],
    ['a file of ESX', (text) => text.replace('monolithicSparse', 'vmfs')],
    ['an extent that nobody may read', (text) => text.replace(extent, '$&\nNOACCESS 1 FLAT "x" 0')],
    ['a path with backslashes', (text) => text.replace(extent, 'RW 20480 SPARSE "..\\secret"')],
    ['two types', (text) => text.replace(/createType=.*/, '#createType="monolithicFlat"\n$&')],
    ['no type', (text) => text.replace(/createType=.*/, '')],
    ['an endless type', (text) => text.replace('monolithicSparse', 'm'.repeat(4000))],
    ['words', (text) => `${text}\nopen the door`],
    ['a key with a space', (text) => `${text}\nopen the=door`],
    ['letters beyond ASCII', (text) => `${text}\n#\xe9`],
  ])('with a descriptor of %s is refused', (_name, edit) => {
    expect(edited(edit)).toMatch(/^unsafe/);
  });

  it('with harmless changes to the descriptor is admitted', () => {
    expect(edited((text) => text.replaceAll('\n', '\r\n'))).toBe('admitted');
    expect(edited((text) => `${text}\nddb.comment = "a/b"\nencoding="UTF-8"\n\n# words`)).toBe('admitted');
  });

  it.each<[string, RegExp, (copy: Buffer) => void]>([
    ['version 9', /^unsafe: .*version/, (copy) => copy.writeUInt32LE(9, 4)],
    ['no capacity', /^unsafe: .*capacity/, (copy) => copy.writeBigUInt64LE(0n, 12)],
    ['a huge capacity', /^too_large/, (copy) => copy.writeBigUInt64LE(1n << 50n, 12)],
    ['no descriptor', /^unsafe: .*descriptor/, (copy) => copy.writeBigUInt64LE(0n, 36)],
    ['a descriptor elsewhere', /^unsafe: .*descriptor/, (copy) => copy.writeBigUInt64LE(40n, 28)],
    ['a descriptor beyond the end', /^truncated/, (copy) => copy.writeBigUInt64LE(1n << 30n, 36)],
    ['an odd grain', /^unsafe: .*grain/, (copy) => copy.writeBigUInt64LE(3n, 20)],
    ['no grain tables', /^unsafe: .*grain/, (copy) => copy.writeUInt32LE(0, 44)],
    ['a directory beyond the end', /^truncated/, (copy) => copy.writeBigUInt64LE(1n << 30n, 56)],
  ])('with %s is refused', (_name, expected, change) => {
    expect(refused(patched(plain, change), 'vmdk')).toMatch(expected);
  });

  it('of ESX (COWD), or declared raw with a descriptor, is refused for use', () => {
    expect(refused(Buffer.from('COWD'.padEnd(600, '\0')), 'vmdk')).toMatch(/^unsafe/);
    for (const text of [
      '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\n\nRW 20480 FLAT "/etc/passwd" 0\n',
      '#\n\n  \nversion=1\nRW 20480 FLAT "/etc/passwd" 0\n',
      `#${'x'.repeat(900)}\nversion=2\r\nRW 1 FLAT "/etc/passwd" 0\n`,
    ]) {
      const use = () => inspectBytes(Buffer.from(text), { declaredFormat: 'raw', policy: 'use' });
      expect(use).toThrow(expect.objectContaining({ code: 'format_mismatch' }));
      expect(refused(Buffer.from(text), 'vmdk')).toMatch(/^unsafe: .*descriptor file/);
    }
    const script = Buffer.from('#!/bin/sh\necho hello\n');
    expect(inspectBytes(script, { declaredFormat: 'raw', policy: 'use' }).format).toBe('raw');
  });

  describe('with a footer', () => {
    const streamed = images.create('vmdk', 'subformat=streamOptimized');
    /** A streamed image as VMware's tools write it: the grain directory's place stands in the footer only. */
    function withFooter(change: (parts: { marker: Buffer; footer: Buffer; eos: Buffer }) => void = () => {}): Buffer {
      const header = patched(streamed.subarray(0, 512), (copy) => copy.writeBigUInt64LE(0xffff_ffff_ffff_ffffn, 56));
      const parts = {
        marker: Buffer.alloc(512),
        footer: Buffer.from(streamed.subarray(0, 512)),
        eos: Buffer.alloc(512),
      };
      parts.marker.writeUInt32LE(1, 0);
      parts.marker.writeUInt32LE(3, 12);
      change(parts);
      return Buffer.concat([header, streamed.subarray(512), parts.marker, parts.footer, parts.eos]);
    }

    it('that agrees with the header is admitted', () => {
      expect(refused(withFooter(), 'vmdk')).toBe('admitted');
    });

    it.each<[string, (parts: { marker: Buffer; footer: Buffer; eos: Buffer }) => void]>([
      ['another signature', ({ footer }) => footer.write('XXXX')],
      ['another version', ({ footer }) => footer.writeUInt32LE(1, 4)],
      ['another capacity', ({ footer }) => footer.writeBigUInt64LE(1n, 12)],
      ['a descriptor elsewhere', ({ footer }) => footer.writeBigUInt64LE(9n, 28)],
      ['a longer descriptor', ({ footer }) => footer.writeBigUInt64LE(99n, 36)],
      ['another footer to come', ({ footer }) => footer.writeBigUInt64LE(0xffff_ffff_ffff_ffffn, 56)],
      ['a marker of another type', ({ marker }) => marker.writeUInt32LE(1, 12)],
      ['a marker with a size', ({ marker }) => marker.writeUInt32LE(1, 8)],
      ['a marker with content', ({ marker }) => marker.writeUInt8(1, 500)],
      ['no end of stream', ({ eos }) => eos.writeUInt32LE(1, 12)],
      ['something behind the end of stream', ({ eos }) => eos.writeUInt8(1, 511)],
    ])('that has %s is refused', (_name, change) => {
      expect(refused(withFooter(change), 'vmdk')).toMatch(/^unsafe: .*(footer|end-of-stream)/);
    });

    it('that is missing or out of place is refused', () => {
      expect(refused(withFooter().subarray(0, -1536), 'vmdk')).toMatch(/^unsafe/);
      expect(refused(Buffer.concat([withFooter(), Buffer.from('x')]), 'vmdk')).toMatch(/^unsafe/);
    });
  });
});

describe('vdi, vhd, vhdx', () => {
  it.each<[string, RegExp, (copy: Buffer) => void]>([
    ['a differencing type', /^unsafe: .*depend/, (copy) => copy.writeUInt32LE(4, 0x4c)],
    ['a parent id', /^unsafe: .*depends/, (copy) => copy.writeUInt8(1, 0x1b8)],
    ['a huge size', /^too_large/, (copy) => copy.writeBigUInt64LE(1n << 60n, 0x170)],
    ['a map too small', /^unsafe: .*map/, (copy) => copy.writeBigUInt64LE(1n << 39n, 0x170)],
    ['a map beyond the end', /^truncated/, (copy) => copy.writeUInt32LE(0x7fffffff, 0x154)],
    ['more blocks than the map', /^unsafe/, (copy) => copy.writeUInt32LE(999, 0x184)],
  ])('vdi with %s is refused', (_name, expected, change) => {
    expect(refused(patched(images.create('vdi'), change), 'vdi')).toMatch(expected);
  });

  const vhd = images.create('vpc');
  /** Applies a change to the footer's copy at the beginning, and puts its checksum right. */
  const vhdWith = (change: (copy: Buffer) => void) =>
    patched(vhd, (copy) => {
      change(copy);
      copy.writeUInt32BE(0, 0x40);
      let sum = 0;
      for (const byte of copy.subarray(0, 512)) sum += byte;
      copy.writeUInt32BE(~sum >>> 0, 0x40);
    });

  it('vhd that is differencing, damaged, or larger than it says is refused', () => {
    expect(
      refused(
        vhdWith((copy) => copy.writeUInt32BE(4, 0x3c)),
        'vhd',
      ),
    ).toMatch(/^unsafe: .*depend/);
    expect(
      refused(
        patched(vhd, (copy) => copy.writeUInt8(77, 0x30)),
        'vhd',
      ),
    ).toMatch(/^unsafe: .*checksum/);
    expect(
      refused(
        vhdWith((copy) => copy.writeBigUInt64BE(1n << 50n, 0x30)),
        'vhd',
      ),
    ).toMatch(/^too_large/);
    expect(
      refused(
        vhdWith((copy) => copy.writeUInt16BE(0xfff0, 0x38)),
        'vhd',
      ),
    ).toMatch(/^unsafe: .*too small/);
    expect(
      refused(
        vhdWith((copy) => copy.writeBigUInt64BE(1n << 40n, 0x10)),
        'vhd',
      ),
    ).toMatch(/^truncated/);
    expect(
      refused(
        vhdWith((copy) => copy.writeBigUInt64BE(8n, 0x10)),
        'vhd',
      ),
    ).toMatch(/^unsafe/);
    expect(
      refused(
        vhdWith((copy) => copy.writeBigUInt64BE(0xffffffffffffffffn, 0x10)),
        'vhd',
      ),
    ).toMatch(/^unsafe/);
  });

  const vhdx = images.create('vhdx');
  const guid = (text: string) => {
    const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
    bytes.subarray(0, 4).reverse();
    bytes.subarray(4, 6).reverse();
    bytes.subarray(6, 8).reverse();
    return bytes;
  };
  const [currentHeader, olderHeader] = [64 * 1024, 128 * 1024].toSorted((one, other) =>
    Number(vhdx.readBigUInt64LE(other + 8) - vhdx.readBigUInt64LE(one + 8)),
  ) as [number, number];
  const metadata = vhdx.indexOf('metadata', 1024 * 1024);
  const entryOf = (text: string) => vhdx.indexOf(guid(text), metadata);
  const fileParameters = entryOf('caa16737-fa36-4d43-b3b6-33f0aa44e76b');
  const diskSize = entryOf('2fa54224-cd1b-4876-b211-5dbed83bf4b8');
  const physicalSectors = entryOf('cda348c7-445d-4471-9cc9-e9885251c556');
  const valueAt = (entry: number) => metadata + vhdx.readUInt32LE(entry + 16);

  it.each<[string, RegExp, (copy: Buffer) => void]>([
    ['the bit for a parent', /^unsafe: .*parent/, (copy) => copy.writeUInt32LE(2, valueAt(fileParameters) + 4)],
    [
      'a parent locator',
      /^unsafe: .*parent/,
      (copy) => guid('a8d35f2d-b30b-454d-abf7-d3d84834ab0c').copy(copy, physicalSectors),
    ],
    [
      'an unknown required item',
      /^unsafe: .*requires/,
      (copy) => {
        copy.fill(7, physicalSectors, physicalSectors + 16);
        copy.writeUInt32LE(4, physicalSectors + 24);
      },
    ],
    ['an item twice', /^unsafe: .*twice/, (copy) => copy.copy(copy, physicalSectors, diskSize, diskSize + 16)],
    ['a misplaced item', /^unsafe: .*misplaced/, (copy) => copy.writeUInt32LE(0, diskSize + 16)],
    ['items far apart', /^unsafe/, (copy) => copy.writeUInt32LE(0xfffffff0, diskSize + 16)],
    ['a huge size', /^too_large/, (copy) => copy.writeBigUInt64LE(1n << 60n, valueAt(diskSize))],
    ['an odd block size', /^unsafe: .*block size/, (copy) => copy.writeUInt32LE(12345, valueAt(fileParameters))],
    ['changes in its log', /^unsafe: .*log/, (copy) => copy.writeUInt8(1, currentHeader + 48)],
    [
      'no header',
      /^unsafe: .*no header/,
      (copy) => {
        copy.write('XXXX', 64 * 1024);
        copy.write('XXXX', 128 * 1024);
      },
    ],
    ['no region table', /^unsafe: .*region table/, (copy) => copy.write('XXXX', 192 * 1024)],
    ['an endless region table', /^unsafe: .*too long/, (copy) => copy.writeUInt32LE(0xffffffff, 192 * 1024 + 8)],
    ['no regions', /^unsafe: .*lacks/, (copy) => copy.writeUInt32LE(0, 192 * 1024 + 8)],
    ['regions over the headers', /^unsafe: .*headers/, (copy) => copy.writeBigUInt64LE(4096n, 192 * 1024 + 16 + 16)],
  ])('vhdx with %s is refused', (_name, expected, change) => {
    expect(refused(patched(vhdx, change), 'vhdx')).toMatch(expected);
  });

  it('vhdx whose older header tells of a log is admitted', () => {
    expect(
      refused(
        patched(vhdx, (copy) => copy.writeUInt8(1, olderHeader + 48)),
        'vhdx',
      ),
    ).toBe('admitted');
  });
});
