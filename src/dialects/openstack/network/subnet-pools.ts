import { type Static, Type } from 'typebox';
import type { SubnetPool, SubnetPoolField } from '../../../cloud/networks/subnet-pools.ts';
import { withDashes } from '../../../env/env.ts';
import { type Attributes, listRequest } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import { Body, commonView, idInBody, Name, Nullable, ownerMembers, ownerOf, PrefixLength, View } from './wire.ts';

const attributes: Attributes<SubnetPoolField> = {
  id: ['id', 'id'],
  name: ['name', 'text'],
  description: ['description', 'text'],
  project_id: ['projectId', 'id'],
  tenant_id: ['projectId', 'id'],
  ip_version: ['ipVersion', 'integer'],
  min_prefixlen: ['minPrefixlen', 'integer'],
  max_prefixlen: ['maxPrefixlen', 'integer'],
  default_prefixlen: ['defaultPrefixlen', 'integer'],
  default_quota: ['defaultQuota', 'integer'],
  address_scope_id: ['addressScopeId', 'id'],
  shared: ['shared', 'boolean'],
  is_default: ['isDefault', 'boolean'],
  revision_number: ['revision', 'integer'],
};

const changeable = {
  name: Type.Optional(Name),
  description: Type.Optional(Name),
  prefixes: Type.Optional(Type.Array(Type.String())),
  min_prefixlen: Type.Optional(PrefixLength),
  max_prefixlen: Type.Optional(PrefixLength),
  default_prefixlen: Type.Optional(PrefixLength),
  default_quota: Type.Optional(Nullable(Type.Integer({ minimum: 0 }))),
  address_scope_id: Type.Optional(Nullable(Type.String())),
  is_default: Type.Optional(Type.Boolean()),
};

const CreateBody = Body({
  ...ownerMembers,
  ...changeable,
  prefixes: Type.Array(Type.String()),
  shared: Type.Optional(Type.Boolean()),
});
const UpdateBody = Body(changeable);

/** The pool as Neutron's clients know it. */
function subnetPoolView(pool: SubnetPool): Record<string, unknown> {
  return {
    ...commonView(pool),
    name: pool.name,
    prefixes: pool.prefixes,
    ip_version: pool.ipVersion,
    min_prefixlen: pool.minPrefixLength,
    max_prefixlen: pool.maxPrefixLength,
    default_prefixlen: pool.defaultPrefixLength,
    default_quota: pool.defaultQuota,
    address_scope_id: pool.addressScopeId === null ? null : withDashes(pool.addressScopeId),
    shared: pool.shared,
    is_default: pool.isDefault,
  };
}

function changesOf(body: Static<typeof UpdateBody>) {
  const number = (value: number | string | undefined) => (value === undefined ? undefined : Number(value));
  const scope = body.address_scope_id;
  return {
    name: body.name,
    description: body.description,
    prefixes: body.prefixes,
    minPrefixLength: number(body.min_prefixlen),
    maxPrefixLength: number(body.max_prefixlen),
    defaultPrefixLength: number(body.default_prefixlen),
    defaultQuota: body.default_quota,
    addressScopeId: scope ? idInBody('address_scope_id', scope) : scope === undefined ? undefined : null,
    isDefault: body.is_default,
  };
}

const subnetPools: Resource<SubnetPool, Static<typeof CreateBody>, Static<typeof UpdateBody>> = {
  singular: 'subnetpool',
  plural: 'subnetpools',
  collection: 'subnetpools',
  name: 'SubnetPool',
  title: 'subnet pool',
  summary: 'Addresses from which subnets are cut, so that they never overlap.',
  view: subnetPoolView,
  viewSchema: View({
    name: Type.String(),
    prefixes: Type.Array(Type.String()),
    ip_version: Type.Integer(),
    min_prefixlen: Type.Integer(),
    max_prefixlen: Type.Integer(),
    default_prefixlen: Type.Integer(),
    default_quota: Nullable(Type.Integer()),
    address_scope_id: Nullable(Type.String()),
    shared: Type.Boolean(),
    is_default: Type.Boolean(),
  }),
  filters: Object.keys(attributes),
  tagged: true,
  createBody: CreateBody,
  updateBody: UpdateBody,
  example: {
    id: 'a5b0a1c4-2f7d-4a55-9e58-0d3f7f1c2b66',
    create: { name: 'offices', prefixes: ['10.96.0.0/16'], default_prefixlen: 24 },
    update: { name: 'offices-2' },
  },
  list: ({ cloud, subject }, query) => cloud.networks.subnetPools.list(subject, listRequest(query, attributes)),
  get: ({ cloud, subject }, id) => cloud.networks.subnetPools.get(subject, id),
  create: ({ cloud, subject }, bodies) =>
    cloud.networks.subnetPools.create(
      subject,
      bodies.map((body) => ({
        ...changesOf(body),
        prefixes: body.prefixes,
        shared: body.shared,
        projectId: ownerOf(body),
      })),
    ),
  update: ({ cloud, subject }, id, body, revision) =>
    cloud.networks.subnetPools.update(subject, id, changesOf(body), revision),
  delete: ({ cloud, subject }, id) => cloud.networks.subnetPools.delete(subject, id),
};

export const subnetPoolOperations = resourceOperations(subnetPools);
