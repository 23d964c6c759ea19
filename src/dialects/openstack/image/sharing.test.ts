import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { subjects, TestApi } from './test-api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.stop());

const bob = subjects.bob.projectId!;
const carol = subjects.carol.projectId!;

async function shared() {
  const { id } = await api.create({ visibility: 'shared' });
  const path = `/v2/images/${id}/members`;
  const added = await api.call('POST', path, { body: { member: bob } });
  expect(added.status).toBe(200);
  expect(added.body).toMatchObject({ member_id: bob, image_id: id, status: 'pending', schema: '/v2/schemas/member' });
  return { id, path };
}

describe('a shared image', () => {
  it('is listed by a member once it has accepted, and usable before', async () => {
    const { id, path } = await shared();
    expect(await api.ids('', 'bob')).toEqual([]);
    expect(await api.ids('?visibility=shared&member_status=pending', 'bob')).toEqual([id]);
    expect((await api.call('GET', `/v2/images/${id}`, { as: 'bob' })).status).toBe(200);
    expect((await api.call('GET', `/v2/images/${id}`, { as: 'carol' })).status).toBe(404);
    const accepted = await api.call('PUT', `${path}/${bob}`, { as: 'bob', body: { status: 'accepted' } });
    expect(accepted.body).toMatchObject({ status: 'accepted' });
    expect(await api.ids('', 'bob')).toEqual([id]);
    expect(await api.ids('?member_status=all', 'bob')).toEqual([id]);
    await api.call('PUT', `${path}/${bob}`, { as: 'bob', body: { status: 'rejected' } });
    expect(await api.ids('', 'bob')).toEqual([]);
    expect(await api.ids('?member_status=rejected', 'bob')).toEqual([id]);
  });

  it('may be used to boot by a member, and by nobody else', async () => {
    const { id } = await shared();
    const upload = await api.call('PUT', `/v2/images/${id}/file`, { body: Buffer.alloc(1024, 1) });
    expect(upload.status).toBe(204);
    const engineId = id.replaceAll('-', '');
    const { images } = api.cloud;
    await expect(images.forBoot(subjects.bob, engineId)).resolves.toMatchObject({ id: engineId });
    await expect(images.forBoot(subjects.carol, engineId)).rejects.toMatchObject({
      details: { reason: 'image_not_found' },
    });
    expect((await api.call('GET', `/v2/images/${id}/file`, { as: 'bob' })).bytes).toEqual(Buffer.alloc(1024, 1));
  });

  it('is the owner’s to share and the member’s to accept', async () => {
    const { id, path } = await shared();
    const answers = [
      await api.call('PUT', `${path}/${bob}`, { body: { status: 'accepted' } }),
      await api.call('PUT', `${path}/${bob}`, { as: 'bob', body: { status: 'nonsense' } }),
      await api.call('POST', path, { body: { member: bob } }),
      await api.call('POST', path, { as: 'bob', body: { member: carol } }),
      await api.call('DELETE', `${path}/${bob}`, { as: 'bob' }),
      await api.call('GET', path, { as: 'carol' }),
      await api.call('GET', `${path}/${carol}`),
      await api.call('DELETE', `/v2/images/${id}`, { as: 'bob' }),
      await api.call('PUT', `${path}/${carol}`, { as: 'bob', body: { status: 'accepted' } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 400, 409, 403, 403, 404, 404, 403, 404]);
    await api.call('POST', path, { body: { member: carol } });
    expect((await api.call('GET', path)).body.members).toHaveLength(2);
    expect((await api.call('GET', path, { as: 'bob' })).body.members).toMatchObject([{ member_id: bob }]);
    expect((await api.call('DELETE', `${path}/${bob}`)).status).toBe(204);
    expect((await api.call('GET', `/v2/images/${id}`, { as: 'bob' })).status).toBe(404);
    expect((await api.call('DELETE', `${path}/${bob}`)).status).toBe(404);
  });

  it('has members only while it is shared', async () => {
    const { id, path } = await shared();
    const change = [{ op: 'replace', path: '/visibility', value: 'private' }];
    const type = 'application/openstack-images-v2.1-json-patch';
    await api.call('PATCH', `/v2/images/${id}`, { body: change, headers: { 'content-type': type } });
    expect((await api.call('GET', path)).status).toBe(403);
    expect((await api.call('GET', `/v2/images/${id}`, { as: 'bob' })).status).toBe(404);
  });
});
