import { writeFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { ImageRefused } from './image-refused.ts';
import { createInspector, type InspectionOptions } from './inspect.ts';
import { inspectFile, type ReadableFile } from './inspect-file.ts';
import { inspectBytes, isoImage, mbrDisk, patched, protectiveMbrDisk, TestImages } from './test-images.ts';

const images = new TestImages();
afterAll(() => images.remove());

const mib = 1024 * 1024;
const luksArgs = ['--object', 'secret,id=key,data=secret'];
/** Every format as qemu-img makes it: what to declare, and the bytes. */
const good: Array<[string, string, Buffer]> = [
  ['qcow2', 'qcow2', images.create('qcow2')],
  ['qcow2 version 2', 'qcow2', images.create('qcow2', 'compat=0.10')],
  ['qcow2 with small clusters', 'qcow2', images.create('qcow2', 'cluster_size=512')],
  ['qcow2 with large clusters', 'qcow2', images.create('qcow2', 'cluster_size=2M,preallocation=metadata')],
  ['qcow2 with zstd', 'qcow2', images.create('qcow2', 'compression_type=zstd,lazy_refcounts=on')],
  ['vmdk', 'vmdk', images.create('vmdk')],
  ['vmdk streamOptimized', 'vmdk', images.create('vmdk', 'subformat=streamOptimized')],
  ['vdi', 'vdi', images.create('vdi')],
  ['vdi static', 'vdi', images.create('vdi', 'static=on')],
  ['vhd dynamic', 'vhd', images.create('vpc', 'subformat=dynamic,force_size=on')],
  ['vhd fixed', 'vhd', images.create('vpc', 'subformat=fixed,force_size=on')],
  ['vhdx', 'vhdx', images.create('vhdx')],
  ['vhdx fixed', 'vhdx', images.create('vhdx', 'subformat=fixed')],
  ['luks', 'luks', images.create('luks', 'key-secret=key,iter-time=10', ...luksArgs)],
  ['raw', 'raw', images.create('raw')],
];

function refusal(attempt: () => unknown): string {
  try {
    attempt();
    return 'admitted';
  } catch (error) {
    if (error instanceof ImageRefused) return error.code;
    throw error;
  }
}

async function outcome(attempt: () => unknown): Promise<unknown> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof ImageRefused) return { code: error.code, message: error.message };
    throw error;
  }
}

/** The bytes as a file that gives out odd pieces of what it is asked for, as a file may. */
function asFile(bytes: Buffer): ReadableFile {
  return {
    stat: async () => ({ size: bytes.length }),
    read: async (buffer, offset, length, position) => ({
      bytesRead: bytes.copy(buffer, offset, position, position + Math.min(length, 1 + (length >> 1))),
    }),
  };
}

describe('images as qemu-img makes them', () => {
  it.each(good)('%s is admitted with its virtual size', (_name, declaredFormat, bytes) => {
    const found = inspectBytes(bytes, { declaredFormat });
    expect(found).toEqual({
      format: declaredFormat,
      detected: [declaredFormat],
      virtualSize: 10 * mib,
      size: bytes.length,
    });
  });

  it.each(good)('%s is refused as any other format', (_name, declaredFormat, bytes) => {
    for (const other of ['qcow2', 'vmdk', 'vdi', 'vhd', 'vhdx', 'iso', 'luks', 'ami']) {
      if (other === declaredFormat || (other === 'ami' && declaredFormat === 'raw')) continue;
      // Without its declaration a fixed VHD is raw data with something behind it.
      if (_name === 'vhd fixed' && other === 'ami') continue;
      expect(
        refusal(() => inspectBytes(bytes, { declaredFormat: other })),
        other,
      ).toBe('format_mismatch');
    }
  });

  it.each(good)('%s declared raw is stored, but used only when it is raw', (name, format, bytes) => {
    expect(inspectBytes(bytes, { declaredFormat: 'raw' })).toMatchObject({ format: 'raw', virtualSize: bytes.length });
    const expected = format === 'raw' || name === 'vhd fixed' ? 'admitted' : 'format_mismatch';
    expect(refusal(() => inspectBytes(bytes, { declaredFormat: 'raw', policy: 'use' }))).toBe(expected);
  });

  it.each(good)('%s reads the same from a file and from a stream', async (_name, declaredFormat, bytes) => {
    const options: InspectionOptions = { declaredFormat, policy: 'upload' };
    writeFileSync(images.path('as-file'), bytes);
    await using handle = await open(images.path('as-file'));
    expect(await inspectFile(handle, options)).toEqual(inspectBytes(bytes, options));
  });

  it('admits converted images that hold data', async () => {
    writeFileSync(images.path('data'), Buffer.alloc(3 * mib, 'unkai'));
    for (const [format, options, declaredFormat] of [
      ['qcow2', 'cluster_size=64k', 'qcow2'],
      ['vmdk', 'subformat=streamOptimized', 'vmdk'],
      ['vmdk', 'subformat=monolithicSparse', 'vmdk'],
      ['vdi', 'static=off', 'vdi'],
      ['vpc', 'force_size=on', 'vhd'],
      ['vhdx', 'subformat=dynamic', 'vhdx'],
    ] as const) {
      images.qemuImg('convert', '-f', 'raw', '-O', format, '-o', options, 'data', 'converted');
      const bytes = await readFile(images.path('converted'));
      expect(inspectBytes(bytes, { declaredFormat, policy: 'use' })).toMatchObject({
        format: declaredFormat,
        virtualSize: 3 * mib,
      });
    }
  });

  it('admits a compressed qcow2 with one internal snapshot', async () => {
    images.qemuImg('convert', '-c', '-f', 'raw', '-O', 'qcow2', 'data', 'compressed');
    images.qemuImg('snapshot', '-c', 'first', 'compressed');
    const bytes = await readFile(images.path('compressed'));
    expect(inspectBytes(bytes, { declaredFormat: 'qcow2' }).virtualSize).toBe(3 * mib);
  });

  it('admits partition tables as raw, and hybrid ISOs as ISO', () => {
    for (const disk of [mbrDisk(), protectiveMbrDisk()]) {
      const found = inspectBytes(disk, { declaredFormat: 'raw', policy: 'use' });
      expect(found).toMatchObject({ format: 'raw', detected: ['gpt'], virtualSize: mib });
    }
    const hybrid = patched(isoImage(), (copy) => mbrDisk().copy(copy, 0, 0, 512));
    expect(inspectBytes(hybrid, { declaredFormat: 'iso', policy: 'use' })).toMatchObject({
      format: 'iso',
      virtualSize: hybrid.length,
    });
    expect(inspectBytes(isoImage(), { declaredFormat: 'raw', policy: 'use' }).format).toBe('raw');
  });

  it('admits a fixed VHD of a disk with partitions', async () => {
    writeFileSync(images.path('disk'), mbrDisk());
    images.qemuImg('convert', '-f', 'raw', '-O', 'vpc', '-o', 'subformat=fixed,force_size=on', 'disk', 'disk.vhd');
    const bytes = await readFile(images.path('disk.vhd'));
    expect(inspectBytes(bytes, { declaredFormat: 'vhd', policy: 'use' }).virtualSize).toBe(mib);
  });
});

describe('how images are declared', () => {
  it('refuses formats that nobody knows, and those that no host can use', () => {
    expect(refusal(() => createInspector({ declaredFormat: 'dmg' }))).toBe('unsupported_format');
    const raw = Buffer.alloc(mib);
    expect(inspectBytes(raw, { declaredFormat: 'ami', policy: 'use' }).format).toBe('raw');
    expect(inspectBytes(raw, { declaredFormat: 'ploop' }).format).toBe('raw');
    expect(refusal(() => inspectBytes(raw, { declaredFormat: 'ploop', policy: 'use' }))).toBe('unsupported_format');
    const luks = good.find(([name]) => name === 'luks')![2];
    expect(refusal(() => inspectBytes(luks, { declaredFormat: 'luks', policy: 'use' }))).toBe('unsupported_format');
  });

  it('stops an upload with the first bytes when they are of another format', () => {
    const inspector = createInspector({ declaredFormat: 'qcow2' });
    expect(refusal(() => inspector.push(Buffer.alloc(512)))).toBe('format_mismatch');
  });
});

describe('streams', () => {
  it('give the same result however they are cut', async () => {
    const samples = [...good, ['iso', 'iso', isoImage()] as const];
    const cut = fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: samples.length - 1 }), cut, async (index, sizes) => {
        const [, declaredFormat, bytes] = samples[index]!;
        const options = { declaredFormat };
        expect(inspectBytes(bytes, options, sizes)).toEqual(inspectBytes(bytes, options));
      }),
      { numRuns: 60 },
    );
  });

  it('may come byte by byte', () => {
    for (const [, declaredFormat, bytes] of good) {
      if (bytes.length > mib || declaredFormat === 'raw') continue;
      const options = { declaredFormat };
      expect(inspectBytes(bytes, options, [1])).toEqual(inspectBytes(bytes, options));
    }
  });

  it('cost next to nothing behind the headers', () => {
    const inspector = createInspector({ declaredFormat: 'raw' });
    const chunk = Buffer.alloc(64 * 1024);
    for (let i = 0; i < 64; i++) inspector.push(chunk);
    const start = process.cpuUsage();
    for (let i = 0; i < 16 * 1024; i++) inspector.push(chunk);
    const { user, system } = process.cpuUsage(start);
    console.log(`inspection of 1 GiB in chunks of 64 KiB: ${((user + system) / 1000).toFixed(1)} ms of CPU`);
    expect((user + system) / 1000).toBeLessThan(500);
    expect(inspector.finish().size).toBe(64 * 1024 * (64 + 16 * 1024));
  });

  it('that break off are refused, and never crash the parser', async () => {
    const samples = good.filter(([, format]) => format !== 'raw');
    const sample = fc.nat({ max: samples.length - 1 });
    await fc.assert(
      fc.asyncProperty(sample, fc.double({ min: 0, max: 1, noNaN: true }), async (index, part) => {
        const [, declaredFormat, bytes] = samples[index]!;
        // From one byte up to all but the last 4 KiB; small images are cut inside their headers.
        const length = Math.floor(Math.min(bytes.length, 320 * 1024) * part * 0.9);
        const cut = bytes.subarray(0, length);
        const found = await outcome(() => inspectBytes(cut, { declaredFormat, policy: 'upload' }));
        const fromFile = await outcome(() => inspectFile(asFile(cut), { declaredFormat, policy: 'upload' }));
        if (length < 512) expect(found).toHaveProperty('code');
        if (!(found as { code?: string }).code) expect(fromFile).toEqual(found);
        else expect(fromFile).toHaveProperty('code');
      }),
      { numRuns: 150 },
    );
  });

  it('of nothing at all are refused, unless raw', () => {
    expect(inspectBytes(Buffer.alloc(0), { declaredFormat: 'raw' }).size).toBe(0);
    for (const declaredFormat of ['qcow2', 'vmdk', 'vhd', 'iso']) {
      expect(refusal(() => inspectBytes(Buffer.alloc(0), { declaredFormat }))).toBe('format_mismatch');
    }
  });

  it('with damaged headers are admitted or refused, alike from file and stream, and never crash the parser', async () => {
    const change = fc.record({ at: fc.nat({ max: 700 }), value: fc.nat({ max: 255 }) });
    const far = fc.record({ at: fc.integer({ min: 0x30000, max: 0x30100 }), value: fc.nat({ max: 255 }) });
    const changes = fc.array(fc.oneof({ weight: 4, arbitrary: change }, far), { minLength: 1, maxLength: 12 });
    const samples = good.filter(([, , bytes]) => bytes.length < 4 * mib);
    const sample = fc.nat({ max: samples.length - 1 });
    const policy = fc.constantFrom('upload' as const, 'use' as const);
    await fc.assert(
      fc.asyncProperty(sample, changes, policy, async (index, list, policy) => {
        const [, declaredFormat, bytes] = samples[index]!;
        const broken = patched(bytes, (copy) => {
          for (const { at, value } of list) if (at < copy.length) copy[at] = value;
        });
        const options = { declaredFormat, policy };
        const streamed = (await outcome(() => inspectBytes(broken, options))) as { code?: string };
        const fromFile = (await outcome(() => inspectFile(asFile(broken), options))) as { code?: string };
        // A stream may be refused before a second format shows itself; otherwise both see the same.
        if (streamed.code === undefined) expect(fromFile).toEqual(streamed);
        else expect(fromFile.code).toBeDefined();
      }),
      { numRuns: 600 },
    );
  });

  it('of random bytes behind a magic number never crash the parser', () => {
    const magics = [
      'QFI\xfb\0\0\0\x03',
      'QFI\xfb\0\0\0\x02',
      'KDMV\x01\0\0\0',
      'vhdxfile',
      'conectix',
      'LUKS\xba\xbe\0\x01',
      'QED\0',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...magics), fc.uint8Array({ maxLength: 2048 }), (magic, noise) => {
        const bytes = Buffer.concat([Buffer.from(magic, 'latin1'), noise]);
        for (const declaredFormat of ['raw', 'qcow2', 'vmdk', 'vhd', 'vhdx', 'luks']) {
          for (const policy of ['upload', 'use'] as const)
            refusal(() => inspectBytes(bytes, { declaredFormat, policy }));
        }
      }),
      { numRuns: 300 },
    );
  });
});
