import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { newId } from '../env/env.ts';
import { realEnv } from '../env/real.ts';
import { openDirectoryStore } from './directory.ts';
import { describeStore } from './store-contract.ts';

const env = realEnv();
const root = mkdtempSync(join(tmpdir(), 'unkai-contract-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const open = () => openDirectoryStore({ name: 'main', root, env });

describeStore('directory', open);

describe('a copy', () => {
  it('goes on where an earlier try broke off, also one of a process that has died', async () => {
    // What was broken off ends with zeros, which are not in the file yet.
    const bytes = Buffer.concat([randomBytes(1_200_000), Buffer.alloc(2_500_000), randomBytes(2_300_000)]);
    const from = await open();
    const original = newId(env);
    const copy = newId(env);
    const { checksums, size } = await from.put(
      original,
      (async function* () {
        yield bytes;
      })(),
    );
    const starts: number[] = [];
    const source = (cutAt: number) => ({
      size,
      checksums,
      async read(start: number) {
        starts.push(start);
        return (async function* () {
          for (let at = start; at < size; at += 100_000) {
            if (at >= cutAt) throw new Error('the line is cut');
            yield bytes.subarray(at, at + 100_000);
          }
        })();
      },
    });
    await expect(from.copyIn!(copy, source(3_300_000))).rejects.toThrow('the line is cut');
    expect(await from.stat(copy)).toBeUndefined();
    expect((await from.list()).others).toMatchObject([{ kind: 'upload', imageId: copy, isLive: false }]);
    await from.close();
    const again = await open();
    expect(await again.copyIn!(copy, source(Number.POSITIVE_INFINITY))).toMatchObject({ size, checksums });
    expect(starts[0]).toBe(0);
    expect(starts[1]).toBeGreaterThan(0);
    expect(starts).toHaveLength(2);
    expect(readdirSync(join(root, 'staging'))).toEqual([]);
    const other = { ...source(size), checksums: { ...checksums, sha512: '0'.repeat(128) } };
    await expect(again.copyIn!(newId(env), other)).rejects.toMatchObject({ code: 'corrupt' });
    expect(readdirSync(join(root, 'staging'))).toEqual([]);
    await again.close();
  });
});
