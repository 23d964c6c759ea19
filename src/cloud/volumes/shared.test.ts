import { afterEach, beforeEach, expect, test } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import { gib, StorageCloud } from './test-cloud.ts';

eachDatabase('volumes of several servers', (_open, kind) => sharedVolumes(kind));

function sharedVolumes(database: Database['kind']): void {
  let storage: StorageCloud;
  beforeEach(async () => {
    storage = await StorageCloud.start({ database });
  });
  afterEach(() => storage.stop());

  const blocks = () => storage.cloud.blockStorage;
  const get = (id: string) => blocks().get(storage.member, id);
  const refused = (message: RegExp) =>
    expect.objectContaining({ code: 'invalid', message: expect.stringMatching(message) });
  const attach = async (serverId: string, volumeId: string) =>
    expect(await storage.ended((await blocks().attach(storage.member, serverId, { volumeId })).actionId)).toBe(
      'succeeded',
    );
  const detach = async (serverId: string, volumeId: string) =>
    expect(await storage.ended((await blocks().detach(storage.member, serverId, volumeId)).actionId)).toBe('succeeded');
  const attached = async (volumeId: string) => {
    const all = await blocks().attachments.list(storage.member, { volumeId });
    return all.map(({ serverId, status }) => [serverId, status]).sort();
  };

  /** A volume of a type for several servers, and two servers. */
  async function make() {
    await blocks().types.create(storage.admin, { name: 'shared', extraSpecs: { multiattach: '<is> True' } });
    const volume = await storage.volume({ size: gib, volumeType: 'shared' });
    expect(volume).toMatchObject({ status: 'available', multiattach: true });
    const [one, two] = [await storage.server(), await storage.server()];
    return { id: volume.id, one: one.id, two: two.id };
  }

  test('are had by several servers at once, which come and go in any order', async () => {
    const { id, one, two } = await make();
    await attach(one, id);
    await attach(two, id);
    expect((await get(id)).status).toBe('in-use');
    expect(await attached(id)).toEqual(
      [
        [one, 'attached'],
        [two, 'attached'],
      ].sort(),
    );
    for (const serverId of [one, two]) {
      expect(storage.host.guestSpec(serverId)!.disks[1]).toMatchObject({ volumeId: id, shared: true });
      expect(await blocks().attachment(storage.member, serverId, id)).toMatchObject({ serverId, device: '/dev/vdb' });
      const filter = { serverId };
      expect(await blocks().list(storage.member, filter, { limit: 9, sort: [] })).toHaveLength(1);
      expect(await blocks().attachments.list(storage.member, filter)).toHaveLength(1);
    }
    const ids = (await blocks().attachments.list(storage.member, { volumeId: id })).map((one) => one.id);
    for (const each of ids) expect((await blocks().attachments.get(storage.member, each)).id).toBe(each);
    expect((await storage.cloud.volumes.attachedTo([one, two])).size).toBe(2);

    await expect(blocks().attach(storage.member, two, { volumeId: id })).rejects.toEqual(refused(/already attached/));
    await expect(blocks().delete(storage.member, id)).rejects.toEqual(refused(/must not be .*attached/));
    await detach(one, id);
    expect(await get(id)).toMatchObject({ status: 'in-use', serverId: two });
    await attach(one, id);
    await detach(one, id);
    await detach(two, id);
    expect(await get(id)).toMatchObject({ status: 'available', serverId: null });
    expect(storage.disksOf(one)).toHaveLength(1);
  });

  test('stay with the others when a server is deleted, and die with the last one that says so', async () => {
    const { id, one, two } = await make();
    for (const serverId of [one, two]) {
      await attach(serverId, id);
      await blocks().setDeleteOnTermination(storage.member, serverId, id, true);
    }
    for (const [serverId, left] of [
      [one, [two]],
      [two, []],
    ] as const) {
      expect(await storage.ended((await storage.cloud.servers.delete(storage.member, serverId)).actionId)).toBe(
        'succeeded',
      );
      expect((await attached(id)).map(([server]) => server)).toEqual(left);
    }
    await expect(get(id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await storage.cloud.db.read.selectFrom('volume_shares').selectAll().execute()).toEqual([]);
  });

  test('are not copied, grown or given another disk while two write to them, and are when one does', async () => {
    const { id, one, two } = await make();
    await attach(one, id);
    await attach(two, id);
    const template = { name: 'image', diskFormat: 'qcow2' } as const;
    const asked = {
      snapshot: () => blocks().createSnapshot(storage.member, { volumeId: id, force: true }),
      backup: () => blocks().backups.create(storage.member, { volumeId: id, force: true }),
      image: () => blocks().uploadImage(storage.member, id, template, { force: true }),
      copy: () => blocks().create(storage.member, { sourceVolumeId: id }),
      extend: () => blocks().extend(storage.member, id, 2 * gib),
    };
    for (const [what, ask] of Object.entries(asked)) {
      await expect(ask(), what).rejects.toEqual(refused(/is attached to several servers, and must be to one/));
    }
    await detach(one, id);
    for (const ask of [asked.snapshot, asked.copy, asked.extend])
      expect(await storage.ended((await ask()).actionId)).toBe('succeeded');
    await expect(blocks().retype(storage.member, id, 'local')).rejects.toEqual(refused(/with and without multiattach/));
    await detach(two, id);
    for (const [type, multiattach] of [
      ['local', false],
      ['shared', true],
    ] as const) {
      const before = await get(id);
      expect(await storage.ended((await blocks().retype(storage.member, id, type)).actionId)).toBe('succeeded');
      expect(await get(id)).toMatchObject({ status: 'available', multiattach });
      expect((await storage.host.inventory()).disks).not.toContain(before.diskId);
    }
  });

  test('are given to a server that is made, and keep it on their host', async () => {
    const { id, one } = await make();
    await attach(one, id);
    const device = {
      bootIndex: null,
      source: 'volume',
      destination: 'volume',
      id,
      deleteOnTermination: false,
    } as const;
    const imageId = await storage.image();
    const tooOld = storage.server({ imageId, blockDevices: [{ ...device, refuseMultiattach: true }] });
    await expect(tooOld).rejects.toEqual(refused(/^Multiattach volumes are only supported .* version 2.60.$/));
    const made = await storage.server({ imageId, blockDevices: [device] });
    expect(await attached(id)).toEqual(
      [
        [one, 'attached'],
        [made.id, 'attached'],
      ].sort(),
    );
    expect((await get(id)).status).toBe('in-use');
    for (const verb of ['migrate', 'liveMigrate'] as const) {
      await expect(storage.cloud.servers[verb](storage.admin, made.id), verb).rejects.toMatchObject({
        code: 'no_valid_host',
        message: expect.stringMatching(/can't leave its host: its volume .* is one that several servers may have/),
      });
    }
  });

  test('are refused to who does not know of them, and to a server that is put away', async () => {
    const { id, one } = await make();
    const old = blocks().attach(storage.member, one, { volumeId: id, refuseMultiattach: true });
    await expect(old).rejects.toEqual(refused(/compute API version 2.60/));
    expect(await storage.ended((await storage.cloud.servers.shelve(storage.member, one)).actionId)).toBe('succeeded');
    const away = blocks().attach(storage.member, one, { volumeId: id });
    await expect(away).rejects.toEqual(refused(/not supported for shelved-offloaded instances/));
    expect((await get(id)).status).toBe('available');
  });
}
