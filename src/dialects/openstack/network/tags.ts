import { Type } from 'typebox';
import { type AnyOperation, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { tagNotFound } from '../../../cloud/networks/tags.ts';
import type { Asker, Resource } from './resource.ts';
import { idInPath } from './wire.ts';

/** Longest tag, characters. A comma would be two tags in a filter. */
const Tag = Type.String({ minLength: 1, maxLength: 60 });
const TagsDocument = Type.Object({ tags: Type.Array(Type.String()) });
const TagsBody = Type.Object({ tags: Type.Array(Tag) }, { additionalProperties: false });

const IdParams = Type.Object({ id: Type.String() });
const TagParams = Type.Object({ id: Type.String(), tag: Type.String() });

/** The tags of one kind of resource: whoever may change the resource may tag it. */
export function tagOperations<M extends { id: string }, C extends object, U extends object>(
  resource: Resource<M, C, U>,
): AnyOperation[] {
  const { singular, collection, name, title, example } = resource;
  const common = { dialect: 'network', group: collection, mode: 'sync' } as const;
  const path = `/${resource.tagCollection ?? collection}/{id}/tags`;
  const params = { id: example.id };
  const found = async (asker: Asker, text: string): Promise<string> => {
    const id = idInPath(singular, text);
    await resource.get(asker, id);
    return id;
  };
  const tagsOf = async ({ cloud }: Asker, id: string) => (await cloud.networks.tags.of([id])).get(id) ?? [];
  /** Tagging changes the resource, so it is its own service that says whether the asker may, and counts it. */
  const change = async (asker: Asker, id: string): Promise<void> => {
    await resource.update?.(asker, id, {} as U, undefined);
  };
  return [
    operation({
      ...common,
      id: `List${name}Tags`,
      method: 'GET',
      path,
      allow: 'reader',
      params: IdParams,
      responses: { 200: TagsDocument },
      errors: [401, 404],
      title: `List tags of ${title}`,
      summary: 'In alphabetical order.',
      examples: [{ title: 'All', params, status: 200 }],
      handle: async (call) => ({ body: { tags: await tagsOf(call, await found(call, call.params.id)) } }),
    }),
    operation({
      ...common,
      id: `Replace${name}Tags`,
      method: 'PUT',
      path,
      allow: 'member',
      params: IdParams,
      body: TagsBody,
      responses: { 200: TagsDocument },
      errors: [400, 401, 404],
      title: `Replace tags of ${title}`,
      summary: 'The tags become those that are given.',
      examples: [{ title: 'Two', params, body: { tags: ['blue', 'green'] }, status: 200 }],
      handle: async (call) => {
        const id = await found(call, call.params.id);
        await change(call, id);
        return { body: { tags: await call.cloud.networks.tags.replace(id, checked(call.body.tags)) } };
      },
    }),
    operation({
      ...common,
      id: `Delete${name}Tags`,
      method: 'DELETE',
      path,
      allow: 'member',
      params: IdParams,
      responses: { 204: null },
      errors: [401, 404],
      title: `Delete all tags of ${title}`,
      summary: 'The resource stays.',
      examples: [{ title: 'All', params, status: 204 }],
      handle: async (call) => {
        const id = await found(call, call.params.id);
        await change(call, id);
        await call.cloud.networks.tags.replace(id, []);
        return {};
      },
    }),
    operation({
      ...common,
      id: `Show${name}Tag`,
      method: 'GET',
      path: `${path}/{tag}`,
      allow: 'reader',
      params: TagParams,
      responses: { 204: null },
      errors: [401, 404],
      title: `Check tag of ${title}`,
      summary: 'Answers 404 for a tag that the resource does not have.',
      examples: [{ title: 'One', params: { ...params, tag: 'blue' }, status: 204 }],
      handle: async (call) => {
        const id = await found(call, call.params.id);
        if ((await tagsOf(call, id)).includes(call.params.tag)) return {};
        throw tagNotFound(call.params.tag);
      },
    }),
    operation({
      ...common,
      id: `Add${name}Tag`,
      method: 'PUT',
      path: `${path}/{tag}`,
      allow: 'member',
      params: TagParams,
      responses: { 201: null },
      errors: [400, 401, 404],
      title: `Add tag to ${title}`,
      summary: 'A tag that the resource has already is no matter.',
      examples: [{ title: 'One', params: { ...params, tag: 'blue' }, status: 201 }],
      handle: async (call) => {
        const id = await found(call, call.params.id);
        await change(call, id);
        await call.cloud.networks.tags.add(id, checked([call.params.tag]));
        return {};
      },
    }),
    operation({
      ...common,
      id: `Delete${name}Tag`,
      method: 'DELETE',
      path: `${path}/{tag}`,
      allow: 'member',
      params: TagParams,
      responses: { 204: null },
      errors: [401, 404],
      title: `Delete tag of ${title}`,
      summary: 'Answers 404 for a tag that the resource does not have.',
      examples: [{ title: 'One', params: { ...params, tag: 'blue' }, status: 204 }],
      handle: async (call) => {
        const id = await found(call, call.params.id);
        await call.cloud.networks.tags.remove(id, call.params.tag);
        await change(call, id);
        return {};
      },
    }),
  ];
}

function checked(tags: string[]): string[] {
  const bad = tags.find((tag) => tag === '' || tag.length > 60 || /[,/]/.test(tag));
  if (bad === undefined) return tags;
  throw new CloudError('invalid', `'${bad}' is not a tag: 1 to 60 characters, without comma or slash.`, {
    reason: 'invalid_input',
  });
}
