import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import type { Namespace } from '../../../cloud/images/metadefs.ts';
import { isoSeconds } from '../common/time.ts';
import { associationView, objectView, propertiesView, tagView } from './metadef-views.ts';

const common = { dialect: 'image', group: 'metadata definitions', mode: 'sync' } as const;
const path = '/v2/metadefs/namespaces';

export const NamespaceParams = Type.Object({ namespace: Type.String({ maxLength: 255 }) });
export const exampleNamespace = 'OS::Compute::Hypervisor';

const AnyDocument = Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true });

/** What an author says of a namespace. */
export const namespaceMembers = {
  namespace: Type.String({ minLength: 1, maxLength: 80, description: 'Its name.' }),
  display_name: Type.Optional(Type.String({ maxLength: 80 })),
  description: Type.Optional(Type.String({ maxLength: 500 })),
  visibility: Type.Optional(Type.Union([Type.Literal('public'), Type.Literal('private')])),
  protected: Type.Optional(Type.Boolean({ description: 'Whether it can not be deleted.' })),
  owner: Type.Optional(Type.String()),
};

const NamespaceBody = Type.Object(
  {
    ...namespaceMembers,
    resource_type_associations: Type.Optional(
      Type.Array(Type.Object({ name: Type.String() }, { additionalProperties: true })),
    ),
  },
  { additionalProperties: true },
);

function namespaceView(namespace: Namespace) {
  const self = `${path}/${encodeURIComponent(namespace.name)}`;
  const { resourceTypes } = namespace.definitions;
  return {
    namespace: namespace.name,
    ...(namespace.displayName === null ? {} : { display_name: namespace.displayName }),
    ...(namespace.description === null ? {} : { description: namespace.description }),
    visibility: namespace.visibility,
    protected: namespace.isProtected,
    owner: namespace.projectId,
    ...(resourceTypes.length > 0 ? { resource_type_associations: resourceTypes.map(associationView) } : {}),
    created_at: isoSeconds(namespace.createdAt),
    updated_at: isoSeconds(namespace.updatedAt),
    self,
    schema: '/v2/schemas/metadefs/namespace',
  };
}

/** One namespace with all that is defined in it; kinds of which there is nothing are left out, as Glance does. */
function wholeView(namespace: Namespace) {
  const { objects, properties, tags } = namespace.definitions;
  return {
    ...namespaceView(namespace),
    ...(objects.length > 0 ? { objects: objects.map((one) => objectView(one, namespace.name)) } : {}),
    ...(properties.length > 0 ? { properties: propertiesView(properties) } : {}),
    ...(tags.length > 0 ? { tags: tags.map(tagView) } : {}),
  };
}

const example = {
  namespace: exampleNamespace,
  display_name: 'Hypervisor',
  visibility: 'public',
  protected: false,
} as const;

function changesOf(body: Record<string, unknown>) {
  return {
    name: body['namespace'] as string,
    displayName: (body['display_name'] as string | undefined) ?? null,
    description: (body['description'] as string | undefined) ?? null,
    visibility: (body['visibility'] as Namespace['visibility'] | undefined) ?? ('private' as const),
    isProtected: (body['protected'] as boolean | undefined) ?? false,
  };
}

export const namespaceOperations = [
  operation({
    ...common,
    id: 'ListMetadefNamespaces',
    method: 'GET',
    path,
    allow: 'reader',
    responses: { 200: AnyDocument },
    errors: [401, 403],
    title: 'List namespaces',
    summary: 'The namespaces of property definitions that are public or belong to the project.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud, subject }) {
      const namespaces = await cloud.images.metadefs.list(subject);
      return {
        body: { first: path, namespaces: namespaces.map(namespaceView), schema: '/v2/schemas/metadefs/namespaces' },
      };
    },
  }),
  operation({
    ...common,
    id: 'CreateMetadefNamespace',
    method: 'POST',
    path,
    allow: 'admin',
    body: NamespaceBody,
    responses: { 201: AnyDocument },
    errors: [400, 401, 403, 409],
    title: 'Create a namespace',
    summary: 'A room for definitions of properties, perhaps with the kinds of resources that they are for.',
    examples: [{ title: 'A namespace', body: example, status: 201 }],
    async handle({ cloud, subject, body }) {
      const made = await cloud.images.metadefs.create(subject, changesOf(body));
      const types = body.resource_type_associations ?? [];
      await cloud.images.metadefs.define(
        subject,
        made.name,
        'resourceTypes',
        types.map(({ name, ...more }) => ({ name, body: more })),
      );
      return { body: namespaceView(await cloud.images.metadefs.get(subject, made.name)) };
    },
  }),
  operation({
    ...common,
    id: 'ShowMetadefNamespace',
    method: 'GET',
    path: `${path}/{namespace}`,
    allow: 'reader',
    params: NamespaceParams,
    responses: { 200: AnyDocument },
    errors: [401, 403, 404],
    title: 'Show a namespace',
    summary: 'One namespace, with all that is defined in it.',
    examples: [{ title: 'A namespace', params: { namespace: exampleNamespace }, status: 200 }],
    handle: async ({ cloud, subject, params }) => ({
      body: wholeView(await cloud.images.metadefs.get(subject, params.namespace)),
    }),
  }),
  operation({
    ...common,
    id: 'UpdateMetadefNamespace',
    method: 'PUT',
    path: `${path}/{namespace}`,
    allow: 'admin',
    params: NamespaceParams,
    body: NamespaceBody,
    responses: { 200: AnyDocument },
    errors: [400, 401, 403, 404, 409],
    title: 'Update a namespace',
    summary: 'Replaces what is said of a namespace; its definitions stay.',
    examples: [{ title: 'A namespace', params: { namespace: exampleNamespace }, body: example, status: 200 }],
    handle: async ({ cloud, subject, params, body }) => ({
      body: namespaceView(await cloud.images.metadefs.update(subject, params.namespace, changesOf(body))),
    }),
  }),
  operation({
    ...common,
    id: 'DeleteMetadefNamespace',
    method: 'DELETE',
    path: `${path}/{namespace}`,
    allow: 'admin',
    params: NamespaceParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a namespace',
    summary: 'With all that is defined in it.',
    examples: [{ title: 'A namespace', params: { namespace: exampleNamespace }, status: 204 }],
    async handle({ cloud, subject, params }) {
      await cloud.images.metadefs.remove(subject, params.namespace);
      return {};
    },
  }),
];
