import { type Static, Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import type { AddressGroup, AddressGroupField } from '../../../cloud/networks/address-groups.ts';
import { type Attributes, listRequest } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import { Body, commonView, idInPath, Name, ownerMembers, ownerOf, View } from './wire.ts';

const attributes: Attributes<AddressGroupField> = {
  id: ['id', 'id'],
  name: ['name', 'text'],
  description: ['description', 'text'],
  project_id: ['projectId', 'id'],
  tenant_id: ['projectId', 'id'],
  revision_number: ['revision', 'integer'],
};

const changeable = { name: Type.Optional(Name), description: Type.Optional(Name) };
const Addresses = Type.Array(Type.String());
const CreateBody = Body({ ...ownerMembers, ...changeable, addresses: Type.Optional(Addresses) });
const UpdateBody = Body(changeable);

function addressGroupView(group: AddressGroup): Record<string, unknown> {
  return { ...commonView(group), name: group.name, addresses: group.addresses };
}

const viewSchema = View({ name: Type.String(), addresses: Addresses });
const exampleId = '9d3c5a17-41f0-4f5e-8a33-d2d7f5c0b911';

const addressGroups: Resource<AddressGroup, Static<typeof CreateBody>, Static<typeof UpdateBody>> = {
  singular: 'address_group',
  plural: 'address_groups',
  collection: 'address-groups',
  name: 'AddressGroup',
  title: 'address group',
  summary: 'A set of addresses that rules of security groups can name as their peers.',
  view: addressGroupView,
  viewSchema,
  filters: Object.keys(attributes),
  createBody: CreateBody,
  updateBody: UpdateBody,
  example: {
    id: exampleId,
    create: { name: 'offices', addresses: ['192.0.2.0/24', '198.51.100.7/32'] },
    update: { name: 'offices-2' },
  },
  list: ({ cloud, subject }, query) => cloud.networks.addressGroups.list(subject, listRequest(query, attributes)),
  get: ({ cloud, subject }, id) => cloud.networks.addressGroups.get(subject, id),
  create: ({ cloud, subject }, bodies) =>
    cloud.networks.addressGroups.create(
      subject,
      bodies.map((body) => ({ ...body, projectId: ownerOf(body) })),
    ),
  update: ({ cloud, subject }, id, body, revision) => cloud.networks.addressGroups.update(subject, id, body, revision),
  delete: ({ cloud, subject }, id) => cloud.networks.addressGroups.delete(subject, id),
};

const common = {
  dialect: 'network',
  group: 'address-groups',
  method: 'PUT',
  mode: 'sync',
  allow: 'member',
  params: Type.Object({ id: Type.String() }),
  // openstacksdk, and with it the command line, leaves out what the published API has around.
  body: Type.Union([Body({ address_group: Body({ addresses: Addresses }) }), Body({ addresses: Addresses })]),
  responses: { 200: Type.Object({ address_group: viewSchema }) },
} as const;

const example = { params: { id: exampleId }, body: { address_group: { addresses: ['203.0.113.0/24'] } }, status: 200 };

const addressesIn = (body: Static<typeof common.body>): string[] =>
  'address_group' in body ? body.address_group.addresses : body.addresses;

const addAddresses = operation({
  ...common,
  id: 'AddAddressGroupAddresses',
  path: '/address-groups/{id}/add_addresses',
  errors: [400, 401, 404],
  title: 'Add addresses to address group',
  summary: 'Rules that name the group hold for them at once.',
  examples: [{ title: 'One', ...example }],
  handle: async ({ cloud, subject, params, body }) => {
    const id = idInPath('address_group', params.id);
    const group = await cloud.networks.addressGroups.add(subject, id, addressesIn(body));
    return { body: { address_group: addressGroupView(group) } };
  },
});

const removeAddresses = operation({
  ...common,
  id: 'RemoveAddressGroupAddresses',
  path: '/address-groups/{id}/remove_addresses',
  errors: [400, 401, 404],
  title: 'Remove addresses from address group',
  summary: 'Rules that name the group hold for them no longer.',
  examples: [{ title: 'One', ...example }],
  handle: async ({ cloud, subject, params, body }) => {
    const id = idInPath('address_group', params.id);
    const group = await cloud.networks.addressGroups.removeAddresses(subject, id, addressesIn(body));
    return { body: { address_group: addressGroupView(group) } };
  },
});

export const addressGroupOperations = [...resourceOperations(addressGroups), addAddresses, removeAddresses];
