import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import { type GroupType, groupTypeNotFound } from '../../../cloud/volumes/groups/model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { LinkSchema } from '../common/links.ts';
import { queryBoolean } from '../common/query.ts';
import { ListQuery, listed } from './plain-list.ts';
import { booleanOf, flag, Metadata, textOrNull } from './wire.ts';

export const exampleGroupTypeId = '6685584b-1eac-4da6-b5c3-555430cf68ff';

const GroupTypeSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: textOrNull(),
  is_public: Type.Boolean(),
  group_specs: Type.Optional(Metadata),
});
const GroupTypeDocument = Type.Object({ group_type: GroupTypeSchema });

/** What the storage must be able to do is told to administrators only. */
function view(type: GroupType, isAdmin: boolean) {
  return {
    id: withDashes(type.id),
    name: type.name,
    description: type.description,
    is_public: type.isPublic,
    ...(isAdmin ? { group_specs: type.specs } : {}),
  };
}

/** The id in a path. A text that can't be one names nothing: by name clients search the list. */
export function groupTypeIdOf({ group_type_id }: { group_type_id: string }): string {
  const id = parseId(group_type_id);
  if (id) return id;
  throw groupTypeNotFound(group_type_id);
}

/** Both kinds are shown to administrators who do not say what they want. */
function wantedPublic(value: string | undefined): boolean | undefined {
  if (value === undefined || value.toLowerCase() === 'none') return undefined;
  const wanted = queryBoolean(value);
  if (wanted === undefined) throw new CloudError('invalid', `Invalid is_public filter [${value}]`);
  return wanted;
}

const common = { dialect: 'volume', group: 'group types', since: '3.11', mode: 'sync' } as const;
const params = Type.Object({ group_type_id: Type.String() });
const example = { params: { group_type_id: exampleGroupTypeId } };

export const groupTypeOperations = [
  operation({
    ...common,
    id: 'ListGroupTypes',
    method: 'GET',
    path: '/group_types',
    allow: 'reader',
    query: ListQuery,
    responses: {
      200: Type.Object({
        group_types: Type.Array(GroupTypeSchema),
        group_types_links: Type.Optional(Type.Array(LinkSchema)),
      }),
    },
    errors: [400, 401],
    title: 'List group types',
    summary: 'The kinds of volume groups. `is_public`: true, false, or None for both; for administrators.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { cloud, subject } = call;
      const query = call.query as Record<string, string | undefined>;
      const all = await cloud.blockStorage.groups.types.list(subject, { isPublic: wantedPublic(query['is_public']) });
      const { items, links } = listed('group_types', all, { ...call, query });
      return { body: { group_types: items.map((type) => view(type, subject.isAdmin)), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'CreateGroupType',
    method: 'POST',
    path: '/group_types',
    allow: 'admin',
    body: Type.Object({
      group_type: Type.Object({
        name: Type.String({ minLength: 1, maxLength: 255 }),
        description: Type.Optional(textOrNull({ maxLength: 255 })),
        is_public: Type.Optional(flag()),
        group_specs: Type.Optional(Type.Unsafe<Record<string, string> | null>({ anyOf: [{ type: 'null' }, Metadata] })),
      }),
    }),
    responses: { 202: GroupTypeDocument },
    errors: [400, 401, 403, 409],
    title: 'Create a group type',
    summary: 'Offers groups under a name. Groups of a type that asks for copies of one moment are refused.',
    examples: [{ title: 'Plain', body: { group_type: { name: 'databases', is_public: true } }, status: 202 }],
    handle: async ({ cloud, subject, body }) => {
      const { name, description, is_public, group_specs } = body.group_type;
      const isPublic = is_public === undefined ? undefined : booleanOf(is_public, 'is_public');
      const wanted = { name, description, isPublic, specs: group_specs ?? {} };
      const type = await cloud.blockStorage.groups.types.create(subject, wanted);
      return { status: 202, body: { group_type: view(type, true) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowDefaultGroupType',
    method: 'GET',
    path: '/group_types/default',
    allow: 'reader',
    responses: { 200: GroupTypeDocument },
    errors: [401, 404],
    title: 'Show the default group type',
    summary: 'There is none: each group says its type.',
    examples: [{ title: 'There is none', status: 404 }],
    handle: async () => {
      throw notFound('group_type', 'default', 'Default group type can not be found.');
    },
  }),
  operation({
    ...common,
    id: 'ShowGroupType',
    method: 'GET',
    path: '/group_types/{group_type_id}',
    allow: 'reader',
    params,
    responses: { 200: GroupTypeDocument },
    errors: [401, 404],
    title: 'Show a group type',
    summary: 'One kind of volume groups.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async ({ cloud, subject, params }) => {
      const type = await cloud.blockStorage.groups.types.get(subject, groupTypeIdOf(params));
      return { body: { group_type: view(type, subject.isAdmin) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateGroupType',
    method: 'PUT',
    path: '/group_types/{group_type_id}',
    allow: 'admin',
    params,
    body: Type.Object({
      group_type: Type.Object({
        name: Type.Optional(textOrNull({ maxLength: 255 })),
        description: Type.Optional(textOrNull({ maxLength: 255 })),
        is_public: Type.Optional(flag()),
      }),
    }),
    responses: { 200: GroupTypeDocument },
    errors: [400, 401, 403, 404, 409],
    title: 'Update a group type',
    summary: 'Changes its name and description, and whether every project may use it.',
    examples: [{ title: 'Another name', ...example, body: { group_type: { name: 'archives' } }, status: 200 }],
    handle: async ({ cloud, subject, params, body }) => {
      const { name, description, is_public } = body.group_type;
      if (name === undefined && description === undefined && is_public === undefined) {
        throw new CloudError('invalid', 'Specify group type name, description or is_public, or a combination thereof.');
      }
      const isPublic = is_public === undefined ? undefined : booleanOf(is_public, 'is_public');
      const changes = { name: name ?? undefined, description, isPublic };
      const type = await cloud.blockStorage.groups.types.update(subject, groupTypeIdOf(params), changes);
      return { body: { group_type: view(type, true) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteGroupType',
    method: 'DELETE',
    path: '/group_types/{group_type_id}',
    allow: 'admin',
    params,
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Delete a group type',
    summary: 'Refused while there are groups of the type.',
    examples: [{ title: 'By id', ...example, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.groups.types.delete(subject, groupTypeIdOf(params));
      return { status: 202 };
    },
  }),
];
