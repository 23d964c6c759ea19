import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { subjects, TestApi } from './test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api?.stop());

type Json = Record<string, unknown>;
const read = async (path: string): Promise<Json> => (await api.call('GET', path, { as: 'admin' })).body;

/** What the answer has that its own schema does not say; and what is not as its schema says. */
async function mistakes(answer: Json): Promise<unknown[]> {
  const schema = await read(String(answer['schema']));
  expect(schema, String(answer['schema'])).toHaveProperty('properties');
  const known = Object.keys(schema['properties'] as Json);
  const strangers = Object.keys(answer).filter(
    (name) => !known.includes(name) && schema['additionalProperties'] === false,
  );
  return [...strangers, ...Compile({ type: 'object', ...schema }).Errors(answer)];
}

/** An answer of each kind that names the schema that it keeps to. */
async function answers(): Promise<Json[]> {
  const own = { tags: ['x'], architecture: 'x86_64', 'my.own': 'words', min_disk: 1, visibility: 'shared' };
  const { id } = await api.create(own);
  const queued = await read(`/v2/images/${id}`);
  await api.call('PUT', `/v2/images/${id}/file`, { body: Buffer.alloc(4096, 1) });
  await api.call('POST', `/v2/images/${id}/members`, { body: { member: subjects.bob.projectId } });
  const namespace = { namespace: 'OS::Own', display_name: 'Own', visibility: 'public' };
  await api.call('POST', '/v2/metadefs/namespaces', { as: 'admin', body: namespace });
  const at = '/v2/metadefs/namespaces/OS::Own';
  await api.call('POST', `${at}/objects`, { as: 'admin', body: { name: 'o', description: 'd' } });
  const tasks = await read('/v2/tasks');
  const [task] = tasks['tasks'] as Array<{ id: string }>;
  return [
    queued,
    ...(await Promise.all(
      [
        `/v2/images/${id}`,
        '/v2/images',
        `/v2/images/${id}/members`,
        `/v2/images/${id}/members/${subjects.bob.projectId}`,
        '/v2/metadefs/namespaces',
        at,
        `${at}/objects`,
        `${at}/objects/o`,
        ...(task ? [`/v2/tasks/${task.id}`] : []),
      ].map(read),
    )),
    tasks,
  ];
}

test('answers are as the schemas say that the service itself serves', async () => {
  const all = await answers();
  const named = all.filter((answer) => typeof answer['schema'] === 'string');
  expect(named.length).toBeGreaterThan(7);
  for (const answer of named) expect(await mistakes(answer), JSON.stringify(answer)).toEqual([]);
});

test('what is in a list is as one alone', async () => {
  const lists = ['/v2/images', '/v2/metadefs/namespaces'];
  for (const path of lists) {
    const list = await read(path);
    const items = Object.values(list).find((value) => Array.isArray(value)) as Json[];
    expect(items.length, path).toBeGreaterThan(0);
    for (const item of items) expect(await mistakes(item), path).toEqual([]);
  }
});
