import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

const base = '/compute/v2.1';

let api: ComputeApi;
let id: string;
beforeAll(async () => {
  api = await ComputeApi.start(computeDialects);
  await api.addMember('alice');
  id = await api.server({}, 'alice');
});
afterAll(() => api.stop());

const act = (body: object, version?: string) => api.act(id, body, { as: 'alice', version });
const status = async () => (await api.call('GET', `${base}/servers/${id}`, { as: 'alice' })).body.server.status;
const conflict = (answer: { status: number; body: { conflictingRequest: { message: string } } }) => {
  expect(answer.status).toBe(409);
  return answer.body.conflictingRequest.message;
};

describe('actions on a server', () => {
  it('switch its power', async () => {
    expect(await act({ 'os-stop': null })).toMatchObject({ status: 202, body: undefined });
    expect(await status()).toBe('SHUTOFF');
    expect(conflict(await act({ 'os-stop': null }))).toBe(
      `Cannot 'stop' instance ${id} while it is in vm_state stopped`,
    );
    await act({ 'os-start': null });
    expect(await status()).toBe('ACTIVE');
    for (const type of ['SOFT', 'hard']) expect((await act({ reboot: { type } })).status).toBe(202);
    expect((await act({ reboot: { type: 'softly' } })).status).toBe(400);
    await act({ pause: null });
    expect(await status()).toBe('PAUSED');
    await act({ unpause: null });
    expect(await status()).toBe('ACTIVE');
  });

  it('resize it and confirm or revert', async () => {
    await act({ resize: { flavorRef: '84' } });
    expect(await status()).toBe('VERIFY_RESIZE');
    expect(await act({ confirmResize: null })).toMatchObject({ status: 204, body: undefined });
    expect(await status()).toBe('ACTIVE');
    await act({ resize: { flavorRef: '42' } });
    expect((await act({ revertResize: null })).status).toBe(202);
    const { body } = await api.call('GET', `${base}/servers/${id}`, { as: 'alice' });
    expect(body.server.flavor.id).toBe('84');
    for (const flavorRef of ['nope', '84', null]) expect((await act({ resize: { flavorRef } })).status).toBe(400);
  });

  it('back it up, of any type or none', async () => {
    const backup = (backup_type: unknown) => act({ createBackup: { name: 'backup', backup_type, rotation: 1 } });
    for (const type of ['daily', '']) expect((await backup(type)).status).toBe(202);
    expect(await status()).toBe('ACTIVE');
    for (const type of [null, 7, 'x'.repeat(256)]) expect((await backup(type)).status).toBe(400);
  });

  it('rebuild it', async () => {
    const wanted = { imageRef: api.imageId, name: 'rebuilt', metadata: { a: 'b' }, accessIPv4: '1.2.3.4' };
    const { status: code, headers, body } = await act({ rebuild: { ...wanted, adminPass: 'seekr3t' } });
    expect(code).toBe(202);
    expect(headers['location']).toBe(`http://cloud.example.com${base}/servers/${id}`);
    expect(body.server).toMatchObject({
      ...{ name: 'rebuilt', metadata: { a: 'b' }, accessIPv4: '1.2.3.4' },
      ...{ status: 'REBUILD', adminPass: 'seekr3t', 'OS-DCF:diskConfig': 'MANUAL' },
    });
    expect(body.server).not.toHaveProperty('OS-EXT-STS:vm_state');
    const bad = await act({ rebuild: { imageRef: '70a599e0-31e7-49b7-b260-868f441e862b' } });
    expect(bad.body.badRequest.message).toBe('Cannot find image for rebuild');
    expect((await act({ rebuild: { imageRef: api.imageId, description: 'x' } })).status).toBe(400);
    const described = await act({ rebuild: { imageRef: api.imageId, description: 'x' } }, '2.19');
    expect(described.body.server.description).toBe('x');
  });

  it('make images of it', async () => {
    const old = await act({ createImage: { name: 'snap', metadata: { purpose: 'test' } } });
    expect(old).toMatchObject({ status: 202, body: undefined });
    const imageId = String(old.headers['location']).split('/').at(-1)!;
    const shown = await api.call('GET', `${base}/images/${imageId}`, { as: 'alice' });
    expect(shown.body.image).toMatchObject({ status: 'ACTIVE', metadata: { purpose: 'test' }, server: { id } });
    const fresh = await act({ createImage: { name: 'snap' } }, '2.45');
    expect(fresh.body).toEqual({ image_id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect((await api.call('GET', `${base}/images`, { version: '2.36' })).status).toBe(404);
  });

  it('shelve and unshelve it', async () => {
    await act({ shelve: null });
    expect(await status()).toBe('SHELVED_OFFLOADED');
    await act({ unshelve: null });
    expect(await status()).toBe('ACTIVE');
  });

  it('unshelve it on a host of choice, from 2.91 on and for administrators', async () => {
    const server = (await api.call('GET', `${base}/servers/${id}`)).body.server;
    const host = server['OS-EXT-SRV-ATTR:host'];
    await act({ shelve: null });
    expect((await act({ unshelve: { host } }, '2.90')).status).toBe(400);
    expect((await act({ unshelve: {} }, '2.91')).status).toBe(400);
    expect((await act({ unshelve: { host } }, '2.91')).status).toBe(403);
    const nowhere = await api.act(id, { unshelve: { host: 'nowhere' } }, { version: '2.91' });
    expect(nowhere.body.badRequest.message).toBe('Compute host nowhere could not be found.');
    expect(await status()).toBe('SHELVED_OFFLOADED');
    expect((await api.act(id, { unshelve: { host, availability_zone: null } }, { version: '2.91' })).status).toBe(202);
    expect(await status()).toBe('ACTIVE');
  });

  it('suspend, rescue and reset it', async () => {
    await act({ suspend: null });
    expect(await status()).toBe('SUSPENDED');
    await act({ resume: null });
    const rescued = await act({ rescue: { adminPass: 'seekr3t' } });
    expect(rescued).toMatchObject({ status: 200, body: { adminPass: 'seekr3t' } });
    expect(await status()).toBe('RESCUE');
    await act({ unrescue: null });
    expect(await status()).toBe('ACTIVE');
    expect((await act({ 'os-resetState': { state: 'error' } })).status).toBe(403);
    expect((await act({ trigger_crash_dump: null })).status).toBe(404);
    expect((await act({ trigger_crash_dump: null }, '2.17')).status).not.toBe(404);
  });

  it('open its consoles, in the way of the version', async () => {
    const vnc = { 'os-getVNCConsole': { type: 'novnc' } };
    const remote = { remote_console: { protocol: 'vnc', type: 'novnc' } };
    const path = `${base}/servers/${id}/remote-consoles`;
    expect((await act(vnc)).status).not.toBe(404);
    expect((await act(vnc, '2.6')).status).toBe(404);
    expect((await api.call('POST', path, { body: remote, as: 'alice' })).status).toBe(404);
    expect((await api.call('POST', path, { body: remote, as: 'alice', version: '2.6' })).status).not.toBe(404);
  });

  it('lock it for all but administrators', async () => {
    expect((await act({ lock: null })).status).toBe(202);
    expect(conflict(await act({ 'os-stop': null }))).toBe(`Instance ${id} is locked`);
    expect((await api.act(id, { 'os-stop': null })).status).toBe(202);
    await act({ unlock: null });
    await act({ 'os-start': null });
    expect(await status()).toBe('ACTIVE');
  });

  it('read its console', async () => {
    const all = await act({ 'os-getConsoleOutput': {} });
    expect(all.body.output).toContain('SIMULATED GUEST');
    const one = await act({ 'os-getConsoleOutput': { length: '1' } });
    expect(one.body.output.trimEnd().split('\n')).toHaveLength(1);
    expect((await act({ 'os-getConsoleOutput': { length: -10 } })).status).toBe(400);
  });

  it('are known by exactly one key', async () => {
    expect((await act({ dance: null })).body.badRequest.message).toBe('There is no such action: dance');
    expect((await act({ 'os-start': null, 'os-stop': null })).status).toBe(400);
    expect((await act({})).status).toBe(400);
    const gone = await api.call('POST', `${base}/servers/70a599e0-31e7-49b7-b260-868f441e862b/action`, {
      body: { 'os-stop': null },
    });
    expect(gone.status).toBe(404);
  });

  it('are logged under the ids of their requests', async () => {
    const { headers } = await act({ reboot: { type: 'HARD' } });
    const request = String(headers['x-compute-request-id']);
    const list = await api.call('GET', `${base}/servers/${id}/os-instance-actions`, { as: 'alice' });
    expect(list.body.instanceActions[0]).toMatchObject({ action: 'reboot', request_id: request, message: null });
    const shown = await api.call('GET', `${base}/servers/${id}/os-instance-actions/${request}`, { as: 'alice' });
    expect(shown.body.instanceAction.events).toMatchObject([{ event: 'compute_reboot_instance', result: 'Success' }]);
    const none = await api.call('GET', `${base}/servers/${id}/os-instance-actions/req-x`, { as: 'alice' });
    expect(none.body.itemNotFound.message).toBe('Action req-x not found');
  });
});
