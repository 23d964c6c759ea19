import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestApi } from './test-api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.stop());

const root = '/v2/metadefs/namespaces';
const asAdmin = (method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object) =>
  api.call(method, path, { as: 'admin', body });
const read = async (path: string) => (await api.call('GET', path)).body;

async function created(more: object = {}) {
  const body = { namespace: 'OS::Test', display_name: 'Test', visibility: 'public', ...more };
  const answer = await asAdmin('POST', root, body);
  expect(answer.status).toBe(201);
  return answer.body;
}

describe('a namespace of definitions', () => {
  it('is made, seen, protected, changed and removed', async () => {
    const made = await created({
      protected: true,
      resource_type_associations: [{ name: 'OS::Nova::Flavor', prefix: 'x' }],
    });
    expect(made).toMatchObject({
      namespace: 'OS::Test',
      protected: true,
      resource_type_associations: [{ name: 'OS::Nova::Flavor', prefix: 'x' }],
      schema: '/v2/schemas/metadefs/namespace',
    });
    expect((await asAdmin('POST', root, { namespace: 'OS::Test' })).status).toBe(409);
    expect((await api.call('POST', root, { body: { namespace: 'mine' } })).status).toBe(403);
    expect((await read(root)).namespaces).toHaveLength(1);
    expect((await asAdmin('DELETE', `${root}/OS::Test`)).status).toBe(403);
    const changed = await asAdmin('PUT', `${root}/OS::Test`, { namespace: 'Other', visibility: 'private' });
    expect(changed.body).toMatchObject({ namespace: 'Other', visibility: 'private', protected: false });
    expect((await api.call('GET', `${root}/Other`)).status).toBe(404);
    expect((await asAdmin('DELETE', `${root}/Other`)).status).toBe(204);
    expect((await asAdmin('DELETE', `${root}/Other`)).status).toBe(404);
  });

  it('holds objects, properties, tags and what they are for', async () => {
    await created();
    const at = `${root}/OS::Test`;
    expect((await asAdmin('POST', `${at}/objects`, { name: 'o', description: 'd' })).body).toMatchObject({ name: 'o' });
    expect((await asAdmin('POST', `${at}/objects`, { name: 'o' })).status).toBe(409);
    expect((await asAdmin('PUT', `${at}/objects/o`, { name: 'p' })).body).toMatchObject({ name: 'p' });
    expect((await read(`${at}/objects`)).objects).toMatchObject([{ name: 'p', self: expect.any(String) }]);
    expect((await api.call('GET', `${at}/objects/o`)).status).toBe(404);
    await asAdmin('POST', `${at}/properties`, { name: 'hw', title: 'HW', type: 'string', enum: ['a'] });
    expect(await read(`${at}/properties`)).toEqual({
      properties: { hw: { name: 'hw', title: 'HW', type: 'string', enum: ['a'] } },
    });
    expect((await asAdmin('DELETE', `${at}/properties/hw`)).status).toBe(204);
    const tags = await asAdmin('POST', `${at}/tags`, { tags: [{ name: 'a' }, { name: 'b' }] });
    expect(tags.body.tags).toHaveLength(2);
    expect((await asAdmin('POST', `${at}/tags/c`)).status).toBe(201);
    expect((await asAdmin('PUT', `${at}/tags/c`, { name: 'd' })).body).toMatchObject({ name: 'd' });
    expect((await read(`${at}/tags`)).tags.map(({ name }: { name: string }) => name)).toEqual(['a', 'b', 'd']);
    const post = (names: string[], append: string) =>
      api.call('POST', `${at}/tags`, {
        as: 'admin',
        body: { tags: names.map((name) => ({ name })) },
        headers: { 'x-openstack-append': append },
      });
    const tagNames = async () => (await read(at)).tags.map(({ name }: { name: string }) => name);
    expect((await post(['x'], 'True')).status).toBe(201);
    expect((await post(['x'], 'True')).status).toBe(409);
    expect(await tagNames()).toEqual(['a', 'b', 'd', 'x']);
    expect((await post(['y'], 'False')).status).toBe(201);
    expect(await tagNames()).toEqual(['y']);
    expect(await read(at)).toMatchObject({ objects: [{ name: 'p' }], namespace: 'OS::Test' });
    expect(await read(at)).not.toHaveProperty('properties');
    expect((await asAdmin('DELETE', `${at}/tags`)).status).toBe(204);
    expect(await read(at)).not.toHaveProperty('tags');
    expect((await read(`${at}/tags`)).tags).toEqual([]);
    const [type] = (await read('/v2/metadefs/resource_types')).resource_types;
    expect((await asAdmin('POST', `${at}/resource_types`, { name: type.name })).status).toBe(201);
    expect((await read(`${at}/resource_types`)).resource_type_associations).toMatchObject([{ name: type.name }]);
    expect((await asAdmin('DELETE', `${at}/resource_types/${type.name}`)).status).toBe(204);
    expect((await asAdmin('POST', `${at}/resource_types`, { name: 'Own::Thing' })).status).toBe(201);
    const types = (await read('/v2/metadefs/resource_types')).resource_types;
    expect(types).toContainEqual({ name: 'Own::Thing' });
  });

  it('is described by schemas', async () => {
    for (const name of ['namespace', 'object', 'property', 'tag']) {
      expect(await read(`/v2/schemas/metadefs/${name}`)).toMatchObject({ name, properties: {} });
    }
    for (const end of ['', 's']) {
      const { name } = await read(`/v2/schemas/metadefs/resource_type${end}`);
      expect(name).toBe(`resource_type_association${end}`);
    }
    expect(await read('/v2/schemas/member')).toMatchObject({ name: 'member' });
    expect(await read('/v2/schemas/tasks')).toMatchObject({ name: 'tasks' });
  });
});
