import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import type { Definition, DefinitionKind } from '../../../cloud/images/metadefs.ts';
import { exampleNamespace, NamespaceParams } from './metadef-namespaces.ts';
import { associationView, objectView, propertiesView, propertyView, tagView } from './metadef-views.ts';

const common = {
  dialect: 'image',
  group: 'metadata definitions',
  mode: 'sync',
  errors: [400, 401, 403, 404, 409],
} as const;
const AnyDocument = Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true });
const Named = Type.Object({ name: Type.String({ minLength: 1, maxLength: 80 }) }, { additionalProperties: true });
const ItemParams = Type.Object({ ...NamespaceParams.properties, name: Type.String({ maxLength: 255 }) });

interface Kind {
  /** In ids of operations, and in words. */
  word: 'Object' | 'Property' | 'Tag' | 'ResourceType';
  kind: DefinitionKind;
  /** In paths, and in lists. */
  plural: string;
  list: string;
  example: { name: string };
  view(definition: Definition, namespace: string): Record<string, unknown>;
}

const objects: Kind = {
  word: 'Object',
  kind: 'objects',
  plural: 'objects',
  list: 'objects',
  example: { name: 'CPU Limits' },
  view: objectView,
};
const properties: Kind = {
  word: 'Property',
  kind: 'properties',
  plural: 'properties',
  list: 'properties',
  example: { name: 'hypervisor_type' },
  view: propertyView,
};
const tags: Kind = {
  word: 'Tag',
  kind: 'tags',
  plural: 'tags',
  list: 'tags',
  example: { name: 'golden' },
  view: tagView,
};
const resourceTypes: Kind = {
  word: 'ResourceType',
  kind: 'resourceTypes',
  plural: 'resource_types',
  list: 'resource_type_associations',
  example: { name: 'OS::Glance::Image' },
  view: associationView,
};

const definitionOf = ({ name, ...body }: { name: string; [member: string]: unknown }) => ({ name, body });
const words = ({ word }: Kind) => word.replace('ResourceType', 'resource type').toLowerCase();
const pathOf = ({ plural }: Kind) => `/v2/metadefs/namespaces/{namespace}/${plural}`;

/** Lists give properties by their names, and the others as they come. */
function listOf(kind: Kind, definitions: readonly Definition[], namespace: string): unknown {
  return kind === properties ? propertiesView(definitions) : definitions.map((one) => kind.view(one, namespace));
}

function listOperation(kind: Kind) {
  return operation({
    ...common,
    id: `ListMetadef${kind.word}s`,
    method: 'GET',
    path: pathOf(kind),
    allow: 'reader',
    params: NamespaceParams,
    responses: { 200: AnyDocument },
    title: `List definitions: ${words(kind)}`,
    summary: `All of the kind ${words(kind)} in a namespace.`,
    examples: [{ title: 'All', params: { namespace: exampleNamespace }, status: 200 }],
    async handle({ cloud, subject, params }) {
      const { definitions } = await cloud.images.metadefs.get(subject, params.namespace);
      return { body: { [kind.list]: listOf(kind, definitions[kind.kind], params.namespace) } };
    },
  });
}

function createOperation(kind: Kind) {
  return operation({
    ...common,
    id: `CreateMetadef${kind.word}`,
    method: 'POST',
    path: pathOf(kind),
    allow: 'admin',
    params: NamespaceParams,
    body: Named,
    responses: { 201: AnyDocument },
    title: `Create a definition: ${words(kind)}`,
    summary: `Defines a ${words(kind)} in a namespace.`,
    examples: [{ title: 'One', params: { namespace: exampleNamespace }, body: kind.example, status: 201 }],
    async handle({ cloud, subject, params, body }) {
      const added = [definitionOf(body)];
      const [made] = await cloud.images.metadefs.define(subject, params.namespace, kind.kind, added);
      return { body: kind.view(made!, params.namespace) };
    },
  });
}

function showOperation(kind: Kind) {
  return operation({
    ...common,
    id: `ShowMetadef${kind.word}`,
    method: 'GET',
    path: `${pathOf(kind)}/{name}`,
    allow: 'reader',
    params: ItemParams,
    responses: { 200: AnyDocument },
    title: `Show a definition: ${words(kind)}`,
    summary: `One ${words(kind)} of a namespace.`,
    examples: [{ title: 'One', params: { namespace: exampleNamespace, ...kind.example }, status: 200 }],
    async handle({ cloud, subject, params }) {
      const { namespace, name } = params;
      return {
        body: kind.view(await cloud.images.metadefs.definition(subject, namespace, kind.kind, name), namespace),
      };
    },
  });
}

function updateOperation(kind: Kind) {
  return operation({
    ...common,
    id: `UpdateMetadef${kind.word}`,
    method: 'PUT',
    path: `${pathOf(kind)}/{name}`,
    allow: 'admin',
    params: ItemParams,
    body: Named,
    responses: { 200: AnyDocument },
    title: `Update a definition: ${words(kind)}`,
    summary: `Replaces a ${words(kind)}, which may get another name.`,
    examples: [
      { title: 'One', params: { namespace: exampleNamespace, ...kind.example }, body: kind.example, status: 200 },
    ],
    async handle({ cloud, subject, params, body }) {
      const { namespace, name } = params;
      const to = definitionOf(body);
      return {
        body: kind.view(await cloud.images.metadefs.replace(subject, namespace, kind.kind, name, to), namespace),
      };
    },
  });
}

function deleteOperation(kind: Kind) {
  return operation({
    ...common,
    id: `DeleteMetadef${kind.word}`,
    method: 'DELETE',
    path: `${pathOf(kind)}/{name}`,
    allow: 'admin',
    params: ItemParams,
    responses: { 204: null },
    title: `Delete a definition: ${words(kind)}`,
    summary: `Removes a ${words(kind)} from a namespace.`,
    examples: [{ title: 'One', params: { namespace: exampleNamespace, ...kind.example }, status: 204 }],
    async handle({ cloud, subject, params }) {
      await cloud.images.metadefs.undefine(subject, params.namespace, kind.kind, params.name);
      return {};
    },
  });
}

function deleteAllOperation(kind: Kind) {
  return operation({
    ...common,
    id: `DeleteMetadef${kind.word}s`,
    method: 'DELETE',
    path: pathOf(kind),
    allow: 'admin',
    params: NamespaceParams,
    responses: { 204: null },
    title: `Delete all definitions: ${words(kind)}`,
    summary: `Removes all of the kind ${words(kind)} from a namespace.`,
    examples: [{ title: 'All', params: { namespace: exampleNamespace }, status: 204 }],
    async handle({ cloud, subject, params }) {
      await cloud.images.metadefs.undefine(subject, params.namespace, kind.kind);
      return {};
    },
  });
}

const createTag = operation({
  ...common,
  id: 'CreateMetadefTag',
  method: 'POST',
  path: `${pathOf(tags)}/{name}`,
  allow: 'admin',
  params: ItemParams,
  responses: { 201: AnyDocument },
  title: 'Create a definition: tag',
  summary: 'Defines a tag in a namespace.',
  examples: [{ title: 'One', params: { namespace: exampleNamespace, name: 'golden' }, status: 201 }],
  async handle({ cloud, subject, params }) {
    const added = [{ name: params.name, body: {} }];
    const [made] = await cloud.images.metadefs.define(subject, params.namespace, 'tags', added);
    return { body: tagView(made!) };
  },
});

const createTags = operation({
  ...common,
  id: 'CreateMetadefTags',
  method: 'POST',
  path: pathOf(tags),
  allow: 'admin',
  params: NamespaceParams,
  body: Type.Object({ tags: Type.Array(Named) }),
  responses: { 201: AnyDocument },
  title: 'Create definitions: tags',
  summary: 'Makes the tags of a namespace these. With the header X-Openstack-Append: True, adds them.',
  examples: [
    {
      title: 'Two',
      params: { namespace: exampleNamespace },
      body: { tags: [{ name: 'a' }, { name: 'b' }] },
      status: 201,
    },
  ],
  async handle({ cloud, subject, params, body, raw }) {
    const replacing = String(raw.headers['x-openstack-append']).toLowerCase() !== 'true';
    const added = body.tags.map(definitionOf);
    const made = await cloud.images.metadefs.define(subject, params.namespace, 'tags', added, { replacing });
    return { body: { tags: made.map(tagView), schema: '/v2/schemas/metadefs/tags' } };
  },
});

/** The kinds of resources that OpenStack's own catalogue names. */
const knownTypes = ['Glance::Image', 'Cinder::Volume', 'Nova::Flavor', 'Nova::Aggregate', 'Nova::Server'].map(
  (name) => `OS::${name}`,
);

const listResourceTypes = operation({
  ...common,
  id: 'ListMetadefResourceTypeNames',
  method: 'GET',
  path: '/v2/metadefs/resource_types',
  allow: 'reader',
  responses: { 200: AnyDocument },
  title: 'List resource types',
  summary: 'The kinds of resources that definitions may be for: the usual ones, and those that namespaces name.',
  examples: [{ title: 'All', status: 200 }],
  async handle({ cloud, subject }) {
    const namespaces = await cloud.images.metadefs.list(subject);
    const named = namespaces.flatMap(({ definitions }) => definitions.resourceTypes.map(({ name }) => name));
    const types = [...new Set([...knownTypes, ...named])];
    return {
      body: { resource_types: types.map((name) => ({ name })), schema: '/v2/schemas/metadefs/resource_types' },
    };
  },
});

export const definitionOperations = [
  listResourceTypes,
  ...[objects, properties].flatMap((kind) => [
    listOperation(kind),
    createOperation(kind),
    showOperation(kind),
    updateOperation(kind),
    deleteOperation(kind),
    deleteAllOperation(kind),
  ]),
  listOperation(tags),
  createTags,
  createTag,
  showOperation(tags),
  updateOperation(tags),
  deleteOperation(tags),
  deleteAllOperation(tags),
  listOperation(resourceTypes),
  createOperation(resourceTypes),
  deleteOperation(resourceTypes),
];
