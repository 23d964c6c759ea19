import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import { localVolumeType, type VolumeType } from '../../../cloud/volumes/type-model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { LinkSchema } from '../common/links.ts';
import { nextLinks, pageOf } from '../common/pagination.ts';
import { queryBoolean } from '../common/query.ts';
import { booleanOf, flag, Metadata, textOrNull } from './wire.ts';

export const TypeSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: textOrNull(),
  is_public: Type.Boolean(),
  'os-volume-type-access:is_public': Type.Optional(Type.Boolean()),
  extra_specs: Metadata,
  qos_specs_id: Type.Optional(textOrNull({ description: 'For administrators.' })),
});

type Seen = Pick<VolumeType, 'id' | 'name' | 'description' | 'isPublic' | 'extraSpecs'>;

/** A type as its maker sees it. */
export function newTypeView(type: Seen) {
  return {
    id: withDashes(type.id),
    name: type.name,
    description: type.description,
    is_public: type.isPublic,
    'os-volume-type-access:is_public': type.isPublic,
    extra_specs: type.extraSpecs,
  };
}

function typeView(type: VolumeType, isAdmin = false) {
  const qos = type.qosSpecsId === null ? null : withDashes(type.qosSpecsId);
  return { ...newTypeView(type), ...(isAdmin ? { qos_specs_id: qos } : {}) };
}

export const exampleType = newTypeView({ ...localVolumeType, isPublic: true, extraSpecs: {} });

const common = { dialect: 'volume', group: 'volume types', since: '3.0', mode: 'sync' } as const;
const params = Type.Object({ type_id: Type.String() });
const TypeDocument = Type.Object({ volume_type: TypeSchema });
const example = { params: { type_id: exampleType.id } };
const fastType = { name: 'fast', description: 'For databases', extra_specs: { volume_backend_name: 'local' } };

/** The id in a path. A text that can't be one names nothing: by name clients search the list. */
export function typeIdOf({ type_id }: { type_id: string }): string {
  const id = parseId(type_id);
  if (id) return id;
  throw notFound('volume_type', type_id, `Volume type ${type_id} could not be found.`);
}

function publicOf(body: { 'os-volume-type-access:is_public'?: boolean | string; is_public?: boolean | string }) {
  const wanted = body['os-volume-type-access:is_public'] ?? body.is_public;
  return wanted === undefined ? undefined : booleanOf(wanted, 'is_public');
}

/** Administrators see the public ones if they do not say what they want, as Cinder has it. */
function wantedPublic(call: Pick<Call, 'subject'>, value: string | undefined): boolean | undefined {
  if (!call.subject.isAdmin) return undefined;
  if (value === undefined) return true;
  if (value.toLowerCase() === 'none') return undefined;
  const wanted = queryBoolean(value);
  if (wanted === undefined) throw new CloudError('invalid', `Invalid is_public filter [${value}]`);
  return wanted;
}

export const typeOperations = [
  operation({
    ...common,
    id: 'ListVolumeTypes',
    method: 'GET',
    path: '/types',
    allow: 'reader',
    query: Type.Object(
      {
        is_public: Type.Optional(Type.String({ description: 'true, false, or None for both; for administrators.' })),
        limit: Type.Optional(Type.String()),
        marker: Type.Optional(Type.String()),
      },
      { additionalProperties: true },
    ),
    responses: {
      200: Type.Object({
        volume_types: Type.Array(TypeSchema),
        volume_type_links: Type.Optional(Type.Array(LinkSchema)),
      }),
    },
    errors: [400, 401],
    title: 'List volume types',
    summary: 'The kinds of storage that volumes can be on.',
    examples: [{ title: 'All', status: 200, response: { volume_types: [exampleType] } }],
    handle: async (call) => {
      const { cloud, subject, query, origin, raw } = call;
      const isPublic = wantedPublic(call, query.is_public);
      const all = await cloud.blockStorage.types.list(subject, { isPublic });
      const { limit, marker } = pageOf('volume', query as Record<string, string>);
      const from = marker === undefined ? 0 : all.findIndex(({ id }) => id === parseId(marker)) + 1;
      const page = all.slice(from, from + limit!);
      const ends = page.map(({ id }) => ({ id: withDashes(id) }));
      const links = nextLinks('volume_type', ends, { limit: limit!, marker }, { origin, url: raw.url! });
      return { body: { volume_types: page.map((type) => typeView(type, subject.isAdmin)), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'CreateVolumeType',
    method: 'POST',
    path: '/types',
    allow: 'admin',
    body: Type.Object({
      volume_type: Type.Object({
        name: Type.String({ minLength: 1, maxLength: 255 }),
        description: Type.Optional(textOrNull()),
        'os-volume-type-access:is_public': Type.Optional(flag()),
        extra_specs: Type.Optional(Type.Unsafe<Record<string, string> | null>({ anyOf: [{ type: 'null' }, Metadata] })),
      }),
    }),
    responses: { 200: TypeDocument },
    errors: [400, 401, 403, 409],
    title: 'Create a volume type',
    summary:
      'Offers storage under another name. Its extra specs are compared with what the storage is (see the pools): ' +
      'volumes of a type that none can be are in error.',
    examples: [{ title: 'Fast', body: { volume_type: fastType }, status: 200 }],
    handle: async ({ cloud, subject, body }) => {
      const { name, description, extra_specs } = body.volume_type;
      const wanted = { name, description, isPublic: publicOf(body.volume_type), extraSpecs: extra_specs ?? {} };
      return { body: { volume_type: newTypeView(await cloud.blockStorage.types.create(subject, wanted)) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowDefaultVolumeType',
    method: 'GET',
    path: '/types/default',
    allow: 'reader',
    responses: { 200: TypeDocument },
    errors: [401],
    title: 'Show the default volume type',
    summary: 'The type of volumes for which none is asked.',
    examples: [{ title: 'The one', status: 200, response: { volume_type: exampleType } }],
    handle: async ({ cloud, subject }) => ({
      body: { volume_type: typeView(await cloud.blockStorage.types.default(subject), subject.isAdmin) },
    }),
  }),
  operation({
    ...common,
    id: 'ShowVolumeType',
    method: 'GET',
    path: '/types/{type_id}',
    allow: 'reader',
    params,
    responses: { 200: TypeDocument },
    errors: [401, 404],
    title: 'Show a volume type',
    summary: 'One kind of storage.',
    examples: [{ title: 'By id', ...example, status: 200, response: { volume_type: exampleType } }],
    handle: async ({ cloud, subject, params }) => ({
      body: { volume_type: typeView(await cloud.blockStorage.types.get(subject, typeIdOf(params)), subject.isAdmin) },
    }),
  }),
  operation({
    ...common,
    id: 'UpdateVolumeType',
    method: 'PUT',
    path: '/types/{type_id}',
    allow: 'admin',
    params,
    body: Type.Object({
      volume_type: Type.Object({
        name: Type.Optional(textOrNull({ maxLength: 255 })),
        description: Type.Optional(textOrNull({ maxLength: 255 })),
        is_public: Type.Optional(flag()),
      }),
    }),
    responses: { 200: Type.Object({ volume_type: Type.Omit(TypeSchema, ['os-volume-type-access:is_public']) }) },
    errors: [400, 401, 403, 404, 409],
    title: 'Update a volume type',
    summary: 'Changes its name and description, and whether every project may use it.',
    examples: [{ title: 'Another name', ...example, body: { volume_type: { name: 'slow' } }, status: 200 }],
    handle: async ({ cloud, subject, params, body }) => {
      const { name, description, is_public } = body.volume_type;
      if (name === undefined && description === undefined && is_public === undefined) {
        throw new CloudError('invalid', 'Specify volume type name, description, is_public or a combination thereof.');
      }
      if (name !== undefined && name?.trim() === '') {
        throw new CloudError('invalid', 'Volume type name can not be empty.');
      }
      const changes = { name: name ?? undefined, description, isPublic: publicOf(body.volume_type) };
      const type = await cloud.blockStorage.types.update(subject, typeIdOf(params), changes);
      return { body: { volume_type: newTypeView(type) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteVolumeType',
    method: 'DELETE',
    path: '/types/{type_id}',
    allow: 'admin',
    params,
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Delete a volume type',
    summary: 'Refused while there are volumes of the type.',
    examples: [{ title: 'By id', ...example, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.types.delete(subject, typeIdOf(params));
      return { status: 202 };
    },
  }),
];
