import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHasher, type HashAlgorithm } from './hasher.ts';

const mib = 1024 * 1024;
const hex = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex');

describe('hasher', () => {
  it('gives the digests of the bytes, however they are cut', async () => {
    const bytes = Buffer.alloc(5 * mib + 123);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31 + (i >> 9)) & 0xff;
    const expected = { md5: hex('md5', bytes), sha512: hex('sha512', bytes) };
    const sizes = fc.array(fc.integer({ min: 1, max: 2 * mib }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(sizes, async (sizes) => {
        const hasher = createHasher(['md5', 'sha512']);
        const step = sizes.some((size) => size > 4096) ? sizes : [...sizes, 65536];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const length = step[i % step.length]!;
          const chunk = Buffer.from(bytes.subarray(at, at + length));
          await hasher.update(chunk);
          chunk.fill(0);
          at += length;
        }
        expect(await hasher.digest()).toEqual(expected);
      }),
      { numRuns: 15 },
    );
  });

  it('serves many streams at once, and none is disturbed by those given up', async () => {
    const digests = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const hasher = createHasher(['md5', 'sha256', 'sha512']);
        const chunk = Buffer.alloc(mib + i, i);
        await hasher.update(chunk);
        if (i % 3 === 0) return hasher.close();
        const next = Buffer.from('end');
        await hasher.update(next);
        const all = Buffer.concat([chunk, next]);
        expect(await hasher.digest()).toEqual({
          md5: hex('md5', all),
          sha256: hex('sha256', all),
          sha512: hex('sha512', all),
        });
        return true;
      }),
    );
    expect(digests.filter(Boolean)).toHaveLength(8);
  });

  it('knows the digests of nothing, and takes nothing once closed', async () => {
    const hasher = createHasher(['md5']);
    expect(await hasher.digest()).toEqual({ md5: 'd41d8cd98f00b204e9800998ecf8427e' });
    await expect(hasher.update(Buffer.from('x'))).rejects.toThrow('closed');
    hasher.close();
  });

  it.runIf(process.platform === 'linux')('steps aside for other threads of its process', async () => {
    const hasher = createHasher(['md5', 'sha512']);
    await hasher.update(Buffer.alloc(1000));
    await hasher.flush();
    // Its name is in brackets, and the field after it is the third (proc_pid_stat(5)).
    const threads = readdirSync('/proc/self/task').flatMap((id) => {
      const [, name, rest] = /\((.*)\) (.*)/.exec(readFileSync(`/proc/self/task/${id}/stat`, 'utf8')) ?? [];
      return name === 'image-hash' ? [Number(rest!.split(' ')[16])] : [];
    });
    hasher.close();
    expect(threads.length).toBeGreaterThanOrEqual(2);
    expect(Math.min(...threads)).toBeGreaterThan(0);
  });

  it('prints its speed beside that of the slower digest alone', async () => {
    const chunk = Buffer.alloc(mib, 7);
    const count = 128;
    const measure = async (...algorithms: HashAlgorithm[]) => {
      const hasher = createHasher(algorithms);
      const start = performance.now();
      for (let i = 0; i < count; i++) await hasher.update(chunk);
      await hasher.digest();
      return (count / (performance.now() - start)) * 1000;
    };
    await measure('md5', 'sha512');
    const [before, cpu, start] = [performance.eventLoopUtilization(), process.cpuUsage(), performance.now()];
    // The best of some rounds each, since the machine may have other things to do.
    let [alone, both] = [0, 0];
    for (let round = 0; round < 3; round++) {
      alone = Math.max(alone, await measure('sha512'));
      both = Math.max(both, await measure('md5', 'sha512'));
    }
    const { user, system } = process.cpuUsage(cpu);
    const cores = (user + system) / 1000 / (performance.now() - start);
    const { utilization } = performance.eventLoopUtilization(before);
    console.log(
      `sha512 alone ${alone.toFixed(0)} MiB/s, md5 and sha512 ${both.toFixed(0)} MiB/s ` +
        `(${((both / alone) * 100).toFixed(0)} %), event loop busy ${(utilization * 100).toFixed(0)} %, cores got ${cores.toFixed(1)}`,
    );
    expect(utilization).toBeLessThan(0.9);
  });
});
