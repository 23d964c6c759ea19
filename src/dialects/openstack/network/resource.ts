import { type TObject, Type } from 'typebox';
import { type AnyOperation, type Call, operation } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { LinkSchema } from '../common/links.ts';
import { listQuery, pageLinks, type Query, selected, tagFilters } from './queries.ts';
import { tagOperations } from './tags.ts';
import { expectedRevision, idInPath } from './wire.ts';

/** Who asks what. */
export interface Asker {
  cloud: Cloud;
  subject: Subject;
}

/** One of Neutron's resources: all of them have the same operations, which `resourceOperations` makes of this. */
export interface Resource<Model extends { id: string }, Create extends object, Update extends object> {
  /** As the key of a body, `security_group`. */
  singular: string;
  /** As the key of a list, `security_groups`. */
  plural: string;
  /** As in paths, `security-groups`. */
  collection: string;
  /** In operation ids, `SecurityGroup`. */
  name: string;
  /** Title and what it is, for readers. */
  title: string;
  summary: string;
  view(model: Model, subject: Subject): Record<string, unknown>;
  viewSchema: TObject;
  /** What lists can be filtered by. */
  filters: readonly string[];
  createBody: TObject;
  updateBody?: TObject;
  /** Without it the resource has no tags. */
  tagged?: boolean;
  /** Where Neutron has the tags, if that is not below the resource's own path: `policies` beside `qos/policies`. */
  tagCollection?: string;
  /** Whether several can be made at once; they can where nothing is said. */
  bulk?: boolean;
  /** Who may make, change and delete it; members of projects where nothing is said. */
  writers?: 'member' | 'admin';
  /** Ids of the examples; the first one's is what it is shown, changed and deleted by. */
  example: { id: string; create: Create; update?: Update };
  list(asker: Asker, query: Query): Promise<Model[]>;
  get(asker: Asker, id: string): Promise<Model>;
  /** Makes all or none. */
  create(asker: Asker, bodies: Create[]): Promise<Model[]>;
  update?(asker: Asker, id: string, body: Update, expectedRevision: number | undefined): Promise<Model>;
  delete(asker: Asker, id: string): Promise<void>;
}

const IdParams = Type.Object({ id: Type.String() });
const common = { dialect: 'network', mode: 'sync' } as const;

/** The operations of a resource, in the order in which readers want them. */
export function resourceOperations<Model extends { id: string }, Create extends object, Update extends object>(
  resource: Resource<Model, Create, Update>,
): AnyOperation[] {
  return [
    list(resource),
    show(resource),
    create(resource),
    ...(resource.bulk === false ? [] : [createMany(resource)]),
    ...(resource.update && resource.updateBody ? [update(resource, resource.update, resource.updateBody)] : []),
    remove(resource),
    ...(resource.tagged ? tagOperations(resource) : []),
  ];
}

function answerSchema<M extends { id: string }, C extends object, U extends object>(
  resource: Resource<M, C, U>,
): TObject {
  const { viewSchema, tagged } = resource;
  if (!tagged) return viewSchema;
  return Type.Object({ ...viewSchema.properties, tags: Type.Optional(Type.Array(Type.String())) });
}

/** The resources as they are answered, with their tags. */
async function views<M extends { id: string }, C extends object, U extends object>(
  resource: Resource<M, C, U>,
  { cloud, subject }: Asker,
  models: readonly M[],
): Promise<Array<Record<string, unknown>>> {
  if (!resource.tagged) return models.map((model) => resource.view(model, subject));
  const tags = await cloud.networks.tags.of(models.map(({ id }) => id));
  return models.map((model) => ({ ...resource.view(model, subject), tags: tags.get(model.id) ?? [] }));
}

function list<M extends { id: string }, C extends object, U extends object>(resource: Resource<M, C, U>): AnyOperation {
  const { plural, collection, title } = resource;
  const viewSchema = answerSchema(resource);
  const links = Type.Optional(Type.Array(LinkSchema));
  return operation({
    ...common,
    id: `List${resource.name}s`,
    group: collection,
    method: 'GET',
    path: `/${collection}`,
    allow: 'reader',
    query: listQuery([...resource.filters, ...(resource.tagged ? tagFilters : [])]),
    responses: { 200: Type.Object({ [plural]: Type.Array(viewSchema), [`${plural}_links`]: links }) },
    errors: [400, 401],
    title: `List ${title}s`,
    summary: `The ${title}s that the project may see. Keys given several times are alternatives; \`fields\` names the members to answer.`,
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const query = call.query as Query;
      const models = await resource.list(call, query);
      const all = await views(resource, call, models);
      const ids = all.map((view) => String(view['id']));
      const request = { origin: call.origin, url: call.raw.url };
      return {
        body: { [plural]: all.map((view) => selected(view, query)), ...pageLinks(plural, ids, query, request) },
      };
    },
  });
}

function show<M extends { id: string }, C extends object, U extends object>(resource: Resource<M, C, U>): AnyOperation {
  const { singular, collection, title, example } = resource;
  const viewSchema = answerSchema(resource);
  return operation({
    ...common,
    id: `Show${resource.name}`,
    group: collection,
    method: 'GET',
    path: `/${collection}/{id}`,
    allow: 'reader',
    params: IdParams,
    query: Type.Object({ fields: Type.Optional(Type.Any()) }),
    responses: { 200: Type.Object({ [singular]: viewSchema }) },
    errors: [401, 404],
    title: `Show ${title}`,
    summary: resource.summary,
    examples: [{ title: 'By its id', params: { id: example.id }, status: 200 }],
    handle: async (call) => {
      const model = await resource.get(call, idInPath(singular, call.params.id));
      const [view] = await views(resource, call, [model]);
      return { body: { [singular]: selected(view!, call.query as Query) } };
    },
  });
}

function create<M extends { id: string }, C extends object, U extends object>(
  resource: Resource<M, C, U>,
): AnyOperation {
  const { singular, collection, title, example } = resource;
  const viewSchema = answerSchema(resource);
  return operation({
    ...common,
    id: `Create${resource.name}`,
    group: collection,
    method: 'POST',
    path: `/${collection}`,
    bodyKey: singular,
    allow: resource.writers ?? 'member',
    body: resource.createBody,
    responses: { 201: Type.Object({ [singular]: viewSchema }) },
    errors: [400, 401, 403, 404, 409],
    title: `Create ${title}`,
    summary: resource.summary,
    examples: [{ title: 'One', body: { [singular]: example.create }, status: 201 }],
    handle: async (call) => {
      const models = await resource.create(call, [call.body as C]);
      const [view] = await views(resource, call, models);
      return { body: { [singular]: view } };
    },
  });
}

/** Most resources in one request. */
const maxBulk = 1000;

function createMany<M extends { id: string }, C extends object, U extends object>(
  resource: Resource<M, C, U>,
): AnyOperation {
  const { plural, collection, title, example } = resource;
  const viewSchema = answerSchema(resource);
  return operation({
    ...common,
    id: `BulkCreate${resource.name}s`,
    group: collection,
    method: 'POST',
    path: `/${collection}`,
    bodyKey: plural,
    allow: resource.writers ?? 'member',
    body: Type.Array(resource.createBody, { minItems: 1, maxItems: maxBulk }),
    responses: { 201: Type.Object({ [plural]: Type.Array(viewSchema) }) },
    errors: [400, 401, 403, 404, 409],
    title: `Create several ${title}s`,
    summary: 'Either all of them are made, or none.',
    examples: [{ title: 'One of them', body: { [plural]: [example.create] }, status: 201 }],
    handle: async (call) => {
      const models = await resource.create(call, call.body as C[]);
      return { body: { [plural]: await views(resource, call, models) } };
    },
  });
}

function update<M extends { id: string }, C extends object, U extends object>(
  resource: Resource<M, C, U>,
  change: (asker: Asker, id: string, body: U, expectedRevision: number | undefined) => Promise<M>,
  body: TObject,
): AnyOperation {
  const { singular, collection, title, example } = resource;
  const viewSchema = answerSchema(resource);
  return operation({
    ...common,
    id: `Update${resource.name}`,
    group: collection,
    method: 'PUT',
    path: `/${collection}/{id}`,
    bodyKey: singular,
    allow: resource.writers ?? 'member',
    params: IdParams,
    body,
    responses: { 200: Type.Object({ [singular]: viewSchema }) },
    errors: [400, 401, 403, 404, 409, 412],
    title: `Update ${title}`,
    summary: 'Changes the members that are given. With `If-Match: revision_number=n`, only if nobody else did before.',
    examples: [{ title: 'Change', params: { id: example.id }, body: { [singular]: example.update }, status: 200 }],
    handle: async (call) => {
      const id = idInPath(singular, (call.params as { id: string }).id);
      const model = await change(call, id, call.body as U, expectedRevision(call.raw));
      const [view] = await views(resource, call, [model]);
      return { body: { [singular]: view } };
    },
  });
}

function remove<M extends { id: string }, C extends object, U extends object>(
  resource: Resource<M, C, U>,
): AnyOperation {
  const { singular, collection, title, example } = resource;
  return operation({
    ...common,
    id: `Delete${resource.name}`,
    group: collection,
    method: 'DELETE',
    path: `/${collection}/{id}`,
    allow: resource.writers ?? 'member',
    params: IdParams,
    responses: { 204: null },
    errors: [401, 404, 409],
    title: `Delete ${title}`,
    summary: 'Refused while something still uses it.',
    examples: [{ title: 'By its id', params: { id: example.id }, status: 204 }],
    handle: async (call: Call<{ id: string }>) => {
      await resource.delete(call, idInPath(singular, call.params.id));
      return {};
    },
  });
}
