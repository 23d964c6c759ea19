import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { CatalogRegion } from '../../../cloud/identity/catalog-rows.ts';
import { newId } from '../../../env/env.ts';
import { list, v3 } from './answers.ts';
import { listDocument, nullable, optional, SelfLink, ShortDescription } from './schemas.ts';
import { pick, refuseOwn } from './services.ts';
import { unnamedMembers } from './unnamed-members.ts';

const RegionView = Type.Object(
  {
    id: Type.String(),
    description: Type.String(),
    parent_region_id: nullable(Type.String()),
    links: SelfLink,
  },
  { additionalProperties: true },
);
const Document = Type.Object({ region: RegionView });
const RegionId = Type.String({ minLength: 1, maxLength: 255 });
const Params = Type.Object({ id: RegionId });
const common = { dialect: 'identity', group: 'catalog', mode: 'sync' } as const;
const example = { params: { id: 'RegionOne' } };
const addedExample = { params: { id: 'RegionTwo' } };
const words = { description: optional(ShortDescription), parent_region_id: optional(RegionId) };
const NewRegion = Type.Object({ id: optional(Type.String({ maxLength: 255 })), ...words });

function ownRegions(call: Pick<Call, 'cloud'>): CatalogRegion[] {
  return [{ id: call.cloud.identity.region, description: '', parentId: null, extra: {} }];
}

/** The cloud's own, and those that were added. */
export async function allRegions(call: Pick<Call, 'cloud'>): Promise<CatalogRegion[]> {
  return [...ownRegions(call), ...(await call.cloud.identity.catalog.regions())];
}

function view(base: string, { id, description, parentId, extra }: CatalogRegion) {
  const links = { self: `${base}/regions/${encodeURIComponent(id)}` };
  return { ...extra, id, description, parent_region_id: parentId, links };
}

type Wanted = { id?: string | null; description?: string | null; parent_region_id?: string | null };

async function create(call: Pick<Call, 'cloud' | 'subject' | 'base'>, wanted: Wanted, id: string) {
  const extra = unnamedMembers(wanted, NewRegion, RegionView) ?? {};
  const region = { id, description: wanted.description ?? '', parentId: wanted.parent_region_id ?? null, extra };
  await call.cloud.identity.catalog.createRegion(call.subject, region);
  return { body: { region: view(v3(call), region) } };
}

export const regionOperations = [
  operation({
    ...common,
    id: 'ListRegions',
    method: 'GET',
    path: '/v3/regions',
    allow: 'authenticated',
    query: Type.Object({ parent_region_id: Type.Optional(Type.String()) }),
    responses: { 200: listDocument('regions', RegionView) },
    errors: [401],
    title: 'List regions',
    summary: 'Lists the region of the cloud, and those that were added.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { parent_region_id: parent } = call.query;
      const all = await allRegions(call);
      return list(
        call,
        'regions',
        all.filter(({ parentId }) => parent === undefined || parentId === parent),
        view,
      );
    },
  }),
  operation({
    ...common,
    id: 'CreateRegion',
    method: 'POST',
    path: '/v3/regions',
    allow: 'admin',
    body: Type.Object({ region: NewRegion }),
    responses: { 201: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Create a region',
    summary: 'Adds a region, for endpoints that were added.',
    examples: [{ title: 'Another', body: { region: { id: 'RegionTwo', description: 'The other' } }, status: 201 }],
    handle: (call) => create(call, call.body.region, call.body.region.id || newId(call.cloud.env)),
  }),
  operation({
    ...common,
    id: 'CreateRegionWithId',
    method: 'PUT',
    path: '/v3/regions/{id}',
    allow: 'admin',
    params: Params,
    body: Type.Object({ region: NewRegion }),
    responses: { 201: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Create a region with an id',
    summary: 'The same, with the id in the path.',
    examples: [{ title: 'Another', ...addedExample, body: { region: {} }, status: 201 }],
    handle: (call) => {
      const { id } = call.body.region;
      if (id && id !== call.params.id) throw new CloudError('invalid', 'Conflicting region IDs specified.');
      return create(call, call.body.region, call.params.id);
    },
  }),
  operation({
    ...common,
    id: 'ShowRegion',
    method: 'GET',
    path: '/v3/regions/{id}',
    allow: 'authenticated',
    params: Params,
    responses: { 200: Document },
    errors: [401, 404],
    title: 'Show a region',
    summary: 'Shows a region.',
    examples: [{ title: 'That of the cloud', ...example, status: 200 }],
    handle: async (call) => ({
      body: { region: view(v3(call), pick(await allRegions(call), 'region', call.params.id)) },
    }),
  }),
  operation({
    ...common,
    id: 'UpdateRegion',
    method: 'PATCH',
    path: '/v3/regions/{id}',
    allow: 'admin',
    params: Params,
    body: Type.Object({ region: Type.Object({ id: optional(RegionId), ...words }) }),
    responses: { 200: Document },
    errors: [400, 401, 403, 404],
    title: 'Update a region',
    summary: 'One that was added.',
    examples: [{ title: 'Describe it', ...addedExample, body: { region: { description: 'The other' } }, status: 200 }],
    handle: async (call) => {
      refuseOwn(ownRegions(call), 'region', call.params.id);
      const { id, description, parent_region_id } = call.body.region;
      if (id && id !== call.params.id) throw new CloudError('invalid', 'Cannot change region ID');
      const region = await call.cloud.identity.catalog.updateRegion(call.subject, call.params.id, {
        description: description === null ? '' : description,
        parentId: parent_region_id,
        extra: unnamedMembers(call.body.region, NewRegion, RegionView),
      });
      return { body: { region: view(v3(call), region) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteRegion',
    method: 'DELETE',
    path: '/v3/regions/{id}',
    allow: 'admin',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a region',
    summary: 'One that was added and has neither endpoints nor regions below it.',
    examples: [{ title: 'By id', ...addedExample, status: 204 }],
    handle: async (call) => {
      refuseOwn(ownRegions(call), 'region', call.params.id);
      await call.cloud.identity.catalog.deleteRegion(call.subject, call.params.id);
      return {};
    },
  }),
];
