import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { gib, StorageCloud } from './test-cloud.ts';

let storage: StorageCloud;
beforeAll(async () => {
  storage = await StorageCloud.start();
});
afterAll(() => storage.stop());

const blocks = () => storage.cloud.blockStorage;
const ofComputeApi = {
  code: 'conflict',
  message: expect.stringMatching(/^Detach volume from instance .* Compute API$/),
};

/** Waits for what is under way with the volume. */
async function becomes(id: string, status: string): Promise<void> {
  const look = async () => expect((await blocks().get(storage.member, id)).status).toBe(status);
  await vi.waitFor(look, { timeout: 30_000 });
}

test('what a server has from the compute API is taken from it by that API only', async () => {
  const server = await storage.server();
  const { id } = await storage.volume({ size: gib });
  const other = await storage.volume({ size: gib });
  await storage.ended((await blocks().attach(storage.member, server.id, { volumeId: id })).actionId);
  const { attachments } = blocks();
  const [mine] = await attachments.list(storage.member, { volumeId: id });

  await expect(attachments.detach(storage.member, id)).rejects.toMatchObject(ofComputeApi);
  await expect(attachments.detach(storage.member, id, mine!.id)).rejects.toMatchObject(ofComputeApi);
  await expect(attachments.terminateConnection(storage.member, id)).rejects.toMatchObject(ofComputeApi);
  await expect(attachments.delete(storage.member, mine!.id)).rejects.toMatchObject(ofComputeApi);
  await expect(blocks().forceDetach(storage.admin, id)).rejects.toMatchObject(ofComputeApi);
  const mismatch = { code: 'invalid', details: { reason: 'attachment_mismatch' } };
  await expect(attachments.detach(storage.member, other.id, mine!.id)).rejects.toMatchObject(mismatch);
  await expect(attachments.detach(storage.member, other.id, '0'.repeat(32))).rejects.toMatchObject({
    code: 'not_found',
  });
  await becomes(id, 'in-use');

  await storage.ended((await blocks().detach(storage.member, server.id, id)).actionId);
  await becomes(id, 'available');
});

test('what the volume API gave to a server it takes away again, and what it gave to something else', async () => {
  const server = await storage.server();
  const { id } = await storage.volume({ size: gib });
  const { attachments } = blocks();
  for (const target of [{ serverId: server.id }, { connector: { mountpoint: '/mnt' } }]) {
    await attachments.attach(storage.member, id, target);
    await becomes(id, 'in-use');
    await attachments.terminateConnection(storage.member, id);
    await attachments.detach(storage.member, id);
    await becomes(id, 'available');
  }
  // By the other way afterwards: the first one is forgotten.
  await storage.ended((await blocks().attach(storage.member, server.id, { volumeId: id })).actionId);
  await expect(attachments.detach(storage.member, id)).rejects.toMatchObject(ofComputeApi);
});

test('of several servers that have a volume, each has it from the API that gave it', async () => {
  const { attachments, types } = blocks();
  const { id: volumeType } = await types.create(storage.admin, {
    name: 'shared',
    extraSpecs: { multiattach: '<is> True' },
  });
  const [first, second, third] = [await storage.server(), await storage.server(), await storage.server()];
  const { id } = await storage.volume({ size: gib, volumeType });
  const byServer = async ({ id: serverId }: { id: string }) =>
    (await attachments.list(storage.member, { volumeId: id })).find((one) => one.serverId === serverId)!.id;

  await attachments.attach(storage.member, id, { serverId: first.id });
  await becomes(id, 'in-use');
  await storage.ended((await blocks().attach(storage.member, second.id, { volumeId: id })).actionId);
  await attachments.attach(storage.member, id, { serverId: third.id });
  await becomes(id, 'in-use');
  await expect(attachments.detach(storage.member, id, await byServer(second))).rejects.toMatchObject(ofComputeApi);
  await attachments.detach(storage.member, id, await byServer(first));
  await becomes(id, 'in-use');
  // It has taken the place of the first one.
  await expect(attachments.detach(storage.member, id, await byServer(second))).rejects.toMatchObject(ofComputeApi);
  await attachments.detach(storage.member, id, await byServer(third));
  await becomes(id, 'in-use');
  await storage.ended((await blocks().detach(storage.member, second.id, id)).actionId);
  await becomes(id, 'available');
});

test('a connection says where the data is, to the host that has it', async () => {
  const { id, installPath } = await storage.volume({ size: gib });
  const found = await blocks().attachments.initializeConnection(storage.member, id, {});
  expect(found).toMatchObject({ path: installPath, format: 'qcow2' });
  const elsewhere = blocks().attachments.initializeConnection(storage.member, id, { host: 'another' });
  await expect(elsewhere).rejects.toMatchObject({ code: 'invalid' });
});

test('a connection to what is in Ceph names the image, its cluster and the user, to any host', async () => {
  const { id } = await storage.volume({ size: gib });
  const { db, imageStores, volumes } = storage.cloud;
  await db.write((tx) => volumes.update(tx, id, { install_path: `ceph://vms/${id}` }));
  const connect = () => blocks().attachments.initializeConnection(storage.member, id, { host: 'another' });
  // Of no store's cluster; then of one that does not answer.
  await expect(connect()).rejects.toMatchObject({ code: 'unavailable' });
  const [store] = imageStores.list();
  const url = 'ceph://images?conf=/etc/ceph/blue.conf&user=cinder&timeout=1&clones=vms';
  vi.spyOn(imageStores, 'list').mockReturnValue([{ ...store!, kind: 'ceph', url }]);
  const programs = await mkdtemp(join(tmpdir(), 'unkai-ceph-'));
  onTestFinished(async () => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    await rm(programs, { recursive: true });
  });
  const cluster = async (script: string) =>
    await writeFile(join(programs, 'ceph'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await cluster('exit 1');
  vi.stubEnv('PATH', `${programs}:${process.env['PATH']}`);
  await expect(connect()).rejects.toMatchObject({ code: 'unavailable' });
  const dump = JSON.stringify({ mons: [{ addr: '10.0.0.1:6789/0' }, { addr: '10.0.0.2:6789/0' }] });
  const asked = '--conf /etc/ceph/blue.conf --id cinder --connect-timeout 1 mon dump --format json';
  await cluster(`[ "$*" = "${asked}" ] && echo '${dump}'`);
  const connection = await connect();
  expect(connection).toEqual({
    kind: 'rbd',
    ...{ volumeId: id, pool: 'vms', image: id, user: 'cinder', conf: '/etc/ceph/blue.conf', qosSpecs: undefined },
    ...{ hosts: ['10.0.0.1', '10.0.0.2'], ports: ['6789', '6789'] },
  });
});
