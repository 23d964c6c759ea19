import { type Static, Type } from 'typebox';
import type { AddressScope, AddressScopeField } from '../../../cloud/networks/address-scopes.ts';
import { type Attributes, listRequest } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import { Body, IpVersion, ipVersionOf, Name, OwnedView, ownedView, ownerMembers, ownerOf } from './wire.ts';

const attributes: Attributes<AddressScopeField> = {
  id: ['id', 'id'],
  name: ['name', 'text'],
  project_id: ['projectId', 'id'],
  tenant_id: ['projectId', 'id'],
  ip_version: ['ipVersion', 'integer'],
  shared: ['shared', 'boolean'],
};

const changeable = { name: Type.Optional(Name), shared: Type.Optional(Type.Boolean()) };
const CreateBody = Body({
  ...ownerMembers,
  ...changeable,
  name: Name,
  ip_version: IpVersion,
});
const UpdateBody = Body(changeable);

const addressScopes: Resource<AddressScope, Static<typeof CreateBody>, Static<typeof UpdateBody>> = {
  singular: 'address_scope',
  plural: 'address_scopes',
  collection: 'address-scopes',
  name: 'AddressScope',
  title: 'address scope',
  summary: 'Where every address stands for one thing only: the subnet pools in one scope do not overlap.',
  view: (scope) => ({
    ...ownedView(scope),
    name: scope.name,
    ip_version: scope.ipVersion,
    shared: scope.shared,
  }),
  viewSchema: OwnedView({ name: Type.String(), ip_version: Type.Integer(), shared: Type.Boolean() }),
  filters: Object.keys(attributes),
  createBody: CreateBody,
  updateBody: UpdateBody,
  example: {
    id: 'e1b7a4c8-6a0d-49d1-b3f5-9a7c1f0e2d31',
    create: { name: 'inside', ip_version: 4 },
    update: { name: 'inside-2' },
  },
  list: ({ cloud, subject }, query) => cloud.networks.addressScopes.list(subject, listRequest(query, attributes)),
  get: ({ cloud, subject }, id) => cloud.networks.addressScopes.get(subject, id),
  create: ({ cloud, subject }, bodies) =>
    cloud.networks.addressScopes.create(
      subject,
      bodies.map((body) => ({
        name: body.name,
        ipVersion: ipVersionOf(body.ip_version),
        shared: body.shared,
        projectId: ownerOf(body),
      })),
    ),
  update: ({ cloud, subject }, id, body, revision) => cloud.networks.addressScopes.update(subject, id, body, revision),
  delete: ({ cloud, subject }, id) => cloud.networks.addressScopes.delete(subject, id),
};

export const addressScopeOperations = resourceOperations(addressScopes);
