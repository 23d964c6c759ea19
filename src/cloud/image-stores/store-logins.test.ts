import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { hasSftpServer, PasswordServer } from '../../../tests/support/sftp-server.ts';
import type { Database } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import type { CloudCore } from '../core.ts';
import { defaultSettings } from '../settings.ts';
import { ImageStores } from './image-stores.ts';

const env = realEnv();
const silent = { debug() {}, info() {}, warn() {}, error() {} };

eachDatabase('image stores that are logged in to', (openDatabase) => {
  let db: Database;
  let folder: string;
  let server: PasswordServer;
  const processes: ImageStores[] = [];
  beforeEach(async () => {
    db = await openDatabase();
    folder = mkdtempSync(join(tmpdir(), 'unkai-logins-'));
    server = await PasswordServer.start('images', 'sesame', 'password');
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((stores) => stores.close()));
    await server[Symbol.asyncDispose]();
    await db.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Another process of the control plane. */
  async function open(): Promise<ImageStores> {
    const stores = new ImageStores({ db, env, log: silent, settings: defaultSettings } as unknown as CloudCore);
    processes.push(stores);
    await db.write((tx) => stores.bootstrap(tx, { path: join(folder, 'default') }));
    await stores.open();
    return stores;
  }

  const far = (port = server.port) => ({
    name: 'far',
    kind: 'sftp' as const,
    url: `sftp://images@127.0.0.1:${port}${folder}/far`,
    password: 'sesame',
  });

  const kept = async () => await db.read.selectFrom('image_store_logins').selectAll().executeTakeFirstOrThrow();

  it.skipIf(!hasSftpServer)('know their servers after a restart, too, and no other ones in their place', async () => {
    const first = await open();
    const { id } = await first.addConnected(far());
    expect(await kept()).toMatchObject({
      store_id: id,
      hostname: '127.0.0.1',
      username: 'images',
      password: 'sesame',
      host_key: expect.stringMatching(/^ecdsa-sha2-nistp256 AAAA/),
    });
    const known = (await kept()).host_key;
    expect((await open()).get(id)).toMatchObject({ status: 'connected' });

    const { port } = server;
    await server[Symbol.asyncDispose]();
    server = await PasswordServer.start('images', 'sesame', 'password', { port });
    const later = await open();
    expect(later.get(id)).toMatchObject({ status: 'disconnected' });
    expect(server.methods).toEqual([]);
    await expect(later.relogin(id, { password: 'sesame' })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('shows the host key'),
    });
    expect(await later.relogin(id, { host: '127.0.0.1' })).toMatchObject({ status: 'connected' });
    expect((await kept()).host_key).not.toBe(known);
  });

  it.skipIf(!hasSftpServer)('are trusted at first sight where nobody has been there to look', async () => {
    const stores = await open();
    const { id } = await stores.add(far());
    expect(stores.get(id)).toMatchObject({ status: 'connected' });
    expect((await kept()).host_key).toMatch(/^ecdsa-sha2-nistp256 /);
  });

  it.skipIf(!hasSftpServer)('are reached elsewhere only where their images are, then by every process', async () => {
    const [one, other] = [await open(), await open()];
    const { id } = await one.addConnected(far());
    await other.open();
    const imageId = newId(env);
    await one.driver(id).put(imageId, Readable.from([randomBytes(100)]));
    await db.write(async (tx) => {
      const now = env.now();
      const image = { id: imageId, project_id: 'p', user_id: 'u', status: 'active', visibility: 'private' } as const;
      const rest = { media_type: 'root', properties: '{}', min_disk_gb: 0, min_memory_mb: 0 } as const;
      const flags = { protected: 0, hidden: 0, is_system: 0 } as const;
      const times = { created_at: now, updated_at: now };
      await tx
        .insertInto('images')
        .values({ ...image, ...rest, ...flags, ...times } as never)
        .execute();
      const replica = { image_id: imageId, store_id: id, state: 'active', size: 100, attempts: 0, progress: 100 };
      await tx
        .insertInto('image_replicas')
        .values({ ...replica, ...times } as never)
        .execute();
    });
    await using moved = await PasswordServer.start('images', 'sesame', 'password');
    const elsewhere = { host: 'localhost', port: moved.port };
    await one.driver(id).delete(imageId);
    await expect(one.relogin(id, elsewhere)).rejects.toMatchObject({
      message: expect.stringContaining('1 of its images are not there'),
    });
    expect(one.get(id).url).toContain(`:${server.port}/`);
    await one.driver(id).put(imageId, Readable.from([randomBytes(100)]));
    expect(await one.relogin(id, elsewhere)).toMatchObject({ status: 'connected' });
    await other.open();
    expect(await other.driver(id).stat(imageId)).toMatchObject({ size: 100 });
    expect(moved.methods).toHaveLength(4);
  });
});
