import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emptyIso } from '../../../agent/config-drive/empty-iso.fixture.ts';
import type { SimulatedHost } from '../../../agent/hypervisor/simulated/simulated-host.ts';
import { operator } from '../../../cloud/identity/subject.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

describe('CD-ROMs', () => {
  let test: TestZStack;
  let alice: SettledAccount;
  let isos: string[];

  beforeAll(async () => {
    test = await TestZStack.start();
    alice = await SettledAccount.settle(test, 'alice');
    isos = [await addIso('first'), await addIso('second')];
  });
  afterAll(async () => {
    await test?.stop();
  });

  async function addIso(name: string): Promise<string> {
    const subject = { ...operator(), projectId: alice.own['account']!, isAdmin: false, roles: ['member'] };
    const words = { name, diskFormat: 'iso', containerFormat: 'bare', mediaType: 'iso' } as const;
    const { id } = await test.cloud.images.create(subject, words);
    await test.cloud.images.upload(subject, id, Readable.from([emptyIso()]));
    return id;
  }

  async function run(method: string, path: string, body?: Body): Promise<Body> {
    const { status, json, text } = await test.run(method, path, body, alice.headers);
    if (status !== 200) return json['error'] as Body;
    expect(status, text).toBe(200);
    return (json['inventory'] ?? {}) as Body;
  }
  const act = (uuid: unknown, name: string, fields: Body = {}) =>
    run('PUT', `/vm-instances/${String(uuid)}/actions`, { [name]: fields });
  const create = (more: Body) =>
    run('POST', '/vm-instances', {
      params: { name: 'x', imageUuid: alice.own['image'], cpuNum: 1, memorySize: 2 ** 27, rootDiskSize: 2 ** 30 },
      ...more,
    });
  const attach = (uuid: unknown, iso: string) => run('POST', `/vm-instances/${String(uuid)}/iso/${iso}`);
  const detach = (uuid: unknown, iso = '') => run('DELETE', `/vm-instances/${String(uuid)}/iso?isoUuid=${iso}`);
  const drives = (uuid: unknown) =>
    test.query(`/vm-instances/cdroms?q=vmInstanceUuid=${String(uuid)}&sort=deviceId`, alice.headers);
  const media = async (uuid: unknown) => (await drives(uuid)).map(({ isoUuid }) => isoUuid);

  /** What the hypervisor's guest has, in the order of its drives. */
  async function inGuest(uuid: unknown): Promise<(string | undefined)[]> {
    const { hostId } = await test.cloud.servers.byId(String(uuid));
    const host = test.cloud.hosts.agent(hostId!) as SimulatedHost;
    return (host.guestSpec(String(uuid))?.cdroms ?? []).map(({ imageId }) => imageId);
  }

  it('are empty at first, and take media while the server runs, is paused and is stopped', async () => {
    const { uuid } = await create({});
    expect(await drives(uuid)).toMatchObject([{ deviceId: 0, vmInstanceUuid: uuid, name: 'cdrom-0' }]);
    expect(await attach(uuid, isos[0]!)).toMatchObject({ uuid, vmCdRoms: [{ isoUuid: isos[0] }] });
    expect(await inGuest(uuid)).toEqual([isos[0]]);
    expect(await attach(uuid, isos[0]!)).toMatchObject({
      code: 'SYS.1006',
      details: `VM[uuid:${String(uuid)}] already has an ISO[uuid:${isos[0]}] attached`,
    });
    expect(await attach(uuid, isos[1]!)).toMatchObject({ code: 'SYS.1006', details: /has no CD-ROM/ });
    await act(uuid, 'pauseVmInstance');
    expect(await detach(uuid)).toMatchObject({ uuid, state: 'Paused' });
    expect(await inGuest(uuid)).toEqual([undefined]);
    await act(uuid, 'resumeVmInstance');
    await act(uuid, 'stopVmInstance', { type: 'cold' });
    await attach(uuid, isos[1]!);
    await attach(uuid, isos[0]!);
    expect(await media(uuid)).toEqual([isos[1], isos[0]]);
    await act(uuid, 'startVmInstance');
    expect(await inGuest(uuid)).toEqual([isos[1], isos[0]]);
    expect(await detach(uuid)).toMatchObject({ code: 'SYS.1007', details: /more than one ISO/ });
    await detach(uuid, isos[0]);
    expect(await media(uuid)).toEqual([isos[1], undefined]);
  });

  it('are made, renamed, ordered and deleted while the server is stopped', async () => {
    const { uuid } = await create({ systemTags: [`cdroms::Empty::${isos[0]}::None`] });
    const [first, second] = await drives(uuid);
    expect(await media(uuid)).toEqual([undefined, isos[0]]);
    const params = { name: 'third', vmInstanceUuid: uuid, isoUuid: isos[1] };
    expect(await run('POST', '/vm-instances/cdroms', { params })).toMatchObject({
      code: 'SYS.1006',
      details: expect.stringContaining("state[Running] doesn't allow"),
      cause: { code: 'VM.1010' },
    });
    await act(uuid, 'stopVmInstance', { type: 'cold' });
    expect(await run('POST', '/vm-instances/cdroms', { params })).toMatchObject({ deviceId: 2, isoUuid: isos[1] });
    const one = (name: unknown) => `/vm-instances/cdroms/${String(name)}`;
    expect(await run('POST', '/vm-instances/cdroms', { params: { ...params, name: 'fourth' } })).toMatchObject({
      code: 'SYS.1006',
      details: `vm[uuid:${String(uuid)}] has as many CD-ROMs as it can have`,
    });
    const renamed = await run('PUT', `${one(first!['uuid'])}/actions`, { updateVmCdRom: { name: 'renamed' } });
    expect(renamed).toMatchObject({ name: 'renamed', deviceId: 0 });
    const path = `/vm-instances/${String(uuid)}/cdroms/${String(second!['uuid'])}/actions`;
    expect(await run('PUT', path, { setVmInstanceDefaultCdRom: {} })).toMatchObject({ deviceId: 0 });
    expect(await media(uuid)).toEqual([isos[0], undefined, isos[1]]);
    expect(await run('DELETE', one(first!['uuid']))).toEqual({});
    expect((await drives(uuid)).map(({ deviceId, isoUuid }) => [deviceId, isoUuid])).toEqual([
      [0, isos[0]],
      [1, isos[1]],
    ]);
    expect(await run('DELETE', one(first!['uuid']))).toEqual({});
    const vms = `/vm-instances?q=vmCdRoms.isoUuid=${isos[1]}&fields=uuid`;
    expect(await test.query(vms, alice.headers)).toContainEqual({ uuid });
  });

  it('are what a server boots from that is made of an ISO image, until it is told otherwise', async () => {
    const { uuid } = await create({
      params: { name: 'iso', imageUuid: isos[0], cpuNum: 1, memorySize: 2 ** 27, rootDiskSize: 2 ** 30 },
    });
    expect(await media(uuid)).toEqual([isos[0]]);
    const orders = async () =>
      (await test.call('GET', `/vm-instances/${String(uuid)}/boot-orders`, undefined, alice.headers)).json['orders'];
    const first = async () =>
      (await test.call('GET', `/vm-instances/${String(uuid)}/first-boot-device`, undefined, alice.headers)).json;
    expect(await orders()).toEqual(['CdRom', 'HardDisk']);
    expect(await first()).toEqual({ firstBootDevice: 'CdRom' });
    const { hostId } = await test.cloud.servers.byId(String(uuid));
    const host = test.cloud.hosts.agent(hostId!) as SimulatedHost;
    expect(host.guestSpec(String(uuid))).toMatchObject({ bootOrder: ['cdrom', 'disk'] });
    const [root] = await test.cloud.volumes.ofServer(String(uuid));
    expect((await host.diskUsage(root!.diskId!)).virtualSize).toBe(2 ** 30);
    await act(uuid, 'setVmBootOrder', { bootOrder: ['HardDisk'] });
    expect(await orders()).toEqual(['HardDisk']);
    await act(uuid, 'setVmBootOrder', { bootOrder: [] });
    expect(await orders()).toEqual(['HardDisk', 'CdRom']);
    const refused = (bootOrder: string[]) => act(uuid, 'setVmBootOrder', { bootOrder });
    expect(await refused(['Network'])).toMatchObject({ code: 'SYS.1014' });
    expect(await refused(['Floppy'])).toMatchObject({ code: 'SYS.1007' });
    expect(await refused(['CdRom', 'CdRom'])).toMatchObject({ code: 'SYS.1007' });
    expect(await first()).toEqual({ firstBootDevice: 'HardDisk' });
    await act(uuid, 'setVmBootOrder', { bootOrder: ['CdRom', 'HardDisk'] });
    expect(await first()).toEqual({ firstBootDevice: 'CdRom' });
    await test.run('DELETE', `/vm-instances/${String(uuid)}/iso?isoUuid=${isos[0]}`, undefined, alice.headers);
    expect(await media(uuid)).toEqual([undefined]);
    expect(await first()).toEqual({ firstBootDevice: 'HardDisk' });
  });

  it('hold the ISO image of a server that another API made, which is rebuilt from nothing else', async () => {
    const subject = { ...operator(), projectId: alice.own['account']!, isAdmin: false, roles: ['member'] };
    const { servers, runner } = test.cloud;
    const wanted = { name: 'nova', flavorId: '1', networks: 'none' as const, securityGroups: [] };
    const [made] = await servers.create(subject, { ...wanted, imageId: isos[1]! });
    expect(await runner.wait(made!.actionId, { timeoutMs: 60_000 })).toEqual({ state: 'succeeded' });
    const { id } = made!.server;
    expect(await media(id)).toEqual([isos[1]]);
    expect(await inGuest(id)).toEqual([isos[1]]);
    const refused = expect.objectContaining({ code: 'invalid', details: { reason: 'iso' } });
    await expect(servers.rebuild(subject, id, { imageId: alice.own['image']! })).rejects.toEqual(refused);
    await expect(servers.rebuild(subject, alice.own['vm']!, { imageId: isos[0]! })).rejects.toEqual(refused);
    const { actionId } = await servers.rebuild(subject, id, { imageId: isos[1]! });
    expect(await runner.wait(actionId, { timeoutMs: 60_000 })).toEqual({ state: 'succeeded' });
    expect(await inGuest(id)).toEqual([isos[1]]);
  });

  it('keep an ISO image from being deleted that can not be taken out of them now', async () => {
    const iso = await addIso('kept');
    const { uuid } = await create({});
    await attach(uuid, iso);
    const { actionId } = await test.cloud.servers.suspend(operator(), String(uuid));
    await test.cloud.runner.wait(actionId, { timeoutMs: 60_000 });
    expect(await run('DELETE', `/images/${iso}`)).toMatchObject({
      code: 'SYS.1006',
      details: expect.stringContaining(`detach iso[uuid=${iso}] from vm failed, errors are `),
    });
    expect(await test.query(`/images?q=uuid=${iso}`, alice.headers)).toMatchObject([{ status: 'Ready' }]);
    expect(await media(uuid)).toEqual([iso]);
    await run('DELETE', `/vm-instances/${String(uuid)}`);
    await test.cloud.runner.idle();
    expect(await run('DELETE', `/images/${iso}`)).toEqual({});
  });

  it('are booted from with the firmware that is set while the server is stopped', async () => {
    const { uuid } = await create({});
    const tags = async () =>
      (await test.query(`/system-tags?q=resourceUuid=${String(uuid)}&q=tag~=bootMode%25`, alice.headers)).map(
        ({ tag }) => tag,
      );
    expect(await act(uuid, 'setVmBootMode', { bootMode: 'UEFI' })).toMatchObject({
      code: 'SYS.1006',
      cause: { code: 'VM.1010' },
    });
    await act(uuid, 'stopVmInstance', { type: 'cold' });
    expect(await act(uuid, 'setVmBootMode', { bootMode: 'Coreboot' })).toMatchObject({ code: 'SYS.1007' });
    expect(await act(uuid, 'setVmBootMode', { bootMode: 'UEFI' })).toEqual({});
    expect(await tags()).toEqual(['bootMode::UEFI']);
    // The simulated host is asked for it, and has none.
    expect(await act(uuid, 'startVmInstance')).toMatchObject({
      code: 'SYS.1006',
      details: 'UEFI guests are not supported on this host',
    });
    expect(await run('DELETE', `/vm-instances/${String(uuid)}/bootmode`)).toEqual({});
    expect(await act(uuid, 'startVmInstance')).toMatchObject({ state: 'Running' });
    expect(await tags()).toEqual([]);
  });

  it('take ISO images only, and lose those that are deleted', async () => {
    const gone = await addIso('gone');
    const { uuid } = await create({});
    const image = alice.own['image']!;
    expect(await attach(uuid, image)).toMatchObject({ code: 'SYS.1007', details: /is not an ISO/ });
    const path = `/vm-instances/${String(uuid)}/iso-candidates`;
    const candidates = async () => {
      const { json } = await test.call('GET', path, undefined, alice.headers);
      return (json['inventories'] as Body[]).map((one) => one['uuid']);
    };
    expect(new Set(await candidates())).toEqual(new Set([...isos, gone, alice.own['iso']]));
    await attach(uuid, gone);
    expect(await candidates()).not.toContain(gone);
    const { images } = test.cloud;
    await images.update(operator(), gone, { visibility: 'public', isProtected: true });
    const { headers } = await SettledAccount.settle(test, 'mallory');
    const refusedTo = async (by: Record<string, string>) =>
      (await test.run('DELETE', `/images/${gone}`, undefined, by)).json['error'];
    expect(await refusedTo(headers), 'who may see it, and no more').toBeDefined();
    expect(await refusedTo(alice.headers), 'its owner, while it is protected').toBeDefined();
    expect(await media(uuid)).toEqual([gone]);
    expect(await inGuest(uuid)).toEqual([gone]);
    await images.update(operator(), gone, { isProtected: false });
    await run('DELETE', `/images/${gone}`);
    expect(await media(uuid)).toEqual([undefined]);
    expect(await inGuest(uuid)).toEqual([undefined]);
    expect(await candidates()).not.toContain(gone);
  });
});
