import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Operator, Query } from '../../../cloud/query/query.ts';
import { vmNic } from '../inventories/network.ts';
import { eipInventory, vip } from '../inventories/vip.ts';
import { booleanField, descriptionField, nameField, textField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { resourceNotFound } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { runQuery } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';
import { parseQuery } from '../query/query-parameters.ts';
import { l3NetworkNamed } from './l3-words.ts';
import { nicExample } from './nic-examples.ts';
import { change, creationExample, deletion } from './simple-operations.ts';

const shared = { since: '0.6', allow: 'member' } as const;
const vips = { ...shared, group: 'VIP', package: 'network.service.vip' } as const;
const eips = { ...shared, group: 'EIP', package: 'network.service.eip' } as const;
const dates = { createDate: 'Nov 21, 2026 2:00:00 PM', lastOpDate: 'Nov 21, 2026 2:00:00 PM' };
const vipExample = {
  uuid: 'f60718293a4b4560a7d8e9f001122334',
  name: 'public-1',
  description: '',
  l3NetworkUuid: '0a1b2c3d4e5f4607a8b9c0d1e2f30415',
  ip: '203.0.113.17',
  state: 'Enabled',
  gateway: '203.0.113.1',
  netmask: '255.255.255.0',
  prefixLen: 24,
  system: false,
  ...dates,
};
const eipExample = {
  uuid: '0718293a4b5c4671b8e9f00112233445',
  name: 'web-outside',
  vmNicUuid: nicExample.uuid,
  vipUuid: vipExample.uuid,
  state: 'Enabled',
  vipIp: vipExample.ip,
  guestIp: nicExample.ip,
  ...dates,
};
const { vmNicUuid: _nic, guestIp: _ip, ...freeEip } = eipExample;

const createVip = jobOperation({
  ...vips,
  id: 'CreateVip',
  creates: 'floating_ip',
  method: 'POST',
  path: '/vips',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    l3NetworkUuid: T.String({ maxLength: 64, description: 'A public network.' }),
    ipRangeUuid: uuidField('The range that it shall be of.'),
    allocatorStrategy: textField('Accepted.'),
    requiredIp: textField('The address itself: administrators only.', 64),
  }),
  result: vip,
  title: 'Create a VIP',
  summary: 'Takes an address of a public network for the account.',
  examples: [creationExample('Any address', { name: 'public-1', l3NetworkUuid: vipExample.l3NetworkUuid }, vipExample)],
  handle: async ({ cloud, subject, input }) => {
    const { network } = await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', input.l3NetworkUuid);
    const made = await cloud.eips.createVip(subject, {
      id: input.resourceUuid,
      name: input.name,
      description: input.description,
      networkId: network.id,
      subnetId: input.ipRangeUuid,
      address: input.requiredIp,
    });
    return { uuid: made.id };
  },
});

const createEip = jobOperation({
  ...eips,
  id: 'CreateEip',
  creates: 'eip',
  method: 'POST',
  path: '/eips',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    vipUuid: T.String({ maxLength: 64, description: 'The address outside.' }),
    vmNicUuid: uuidField('The interface that it is for.'),
    usedIpUuid: uuidField('Accepted: the first address of the interface.'),
  }),
  result: eipInventory,
  title: 'Create an EIP',
  summary: 'Uses a VIP for one interface: what comes to the address goes to the interface.',
  examples: [
    creationExample(
      'For an interface',
      { name: 'web-outside', vipUuid: vipExample.uuid, vmNicUuid: nicExample.uuid },
      eipExample,
    ),
  ],
  handle: async ({ cloud, subject, input }) => {
    const { name, description, vipUuid: vipId, vmNicUuid } = input;
    const uuid = await cloud.eips.create(subject, { id: input.resourceUuid, name, description, vipId });
    if (vmNicUuid === undefined) return { uuid };
    try {
      await cloud.eips.attach(subject, uuid, vmNicUuid);
    } catch (error) {
      await cloud.eips.delete(subject, uuid);
      throw error;
    }
    return { uuid };
  },
});

const attachEip = jobOperation({
  ...eips,
  id: 'AttachEip',
  method: 'POST',
  path: '/eips/{eipUuid}/vm-instances/nics/{vmNicUuid}',
  params: T.Object({
    eipUuid: T.String({ maxLength: 64, description: 'The EIP.' }),
    vmNicUuid: T.String({ maxLength: 64, description: 'The interface.' }),
  }),
  body: T.Object({ usedIpUuid: uuidField('Accepted: the first address of the interface.') }),
  result: eipInventory,
  title: 'Attach an EIP to an interface',
  summary: 'A router to the public network is made where the interface’s network has none.',
  examples: [creationExample('Attach', {}, eipExample, { eipUuid: eipExample.uuid, vmNicUuid: nicExample.uuid })],
  handle: async ({ cloud, subject, input: { eipUuid, vmNicUuid } }) => {
    await cloud.eips.attach(subject, eipUuid, vmNicUuid);
    return { uuid: eipUuid };
  },
});

/** A VIP by itself, or that of an EIP which no interface has yet; undefined where one has it. */
async function freeVip(cloud: Cloud, subject: Subject, eipUuid: string, vipUuid: string | undefined) {
  try {
    if (vipUuid !== undefined) return await cloud.networks.floatingIps.get(subject, vipUuid);
    const found = await cloud.eips.floatingIp(subject, eipUuid);
    return found.portId ? undefined : found;
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    if (vipUuid !== undefined) throw resourceNotFound('vipUuid', vipUuid, 'VipVO');
    throw resourceNotFound('eipUuid', eipUuid, 'EipVO');
  }
}

const getEipAttachableVmNics = syncOperation({
  ...eips,
  allow: 'reader',
  id: 'GetEipAttachableVmNics',
  method: 'GET',
  path: '/eips/{eipUuid}/vm-instances/candidate-nics',
  params: uuidIn('eipUuid', 'The EIP.'),
  query: T.Object({
    vipUuid: uuidField('A VIP that is no EIP yet, in its place.'),
    vmUuid: uuidField('Only interfaces of this server.'),
    vmName: textField('Only interfaces of servers with this in their names.'),
    networkServiceProvider: textField('Accepted: Flat serves them all.'),
    attachedToVm: booleanField(
      'Only interfaces that servers have (true, which is also what holds where it is left out), or only others.',
    ),
    limit: T.Optional(T.Integer({ minimum: 0, description: 'The most interfaces to give.' })),
    start: T.Optional(T.Integer({ minimum: 0, description: 'How many interfaces to pass over.' })),
  }),
  response: T.Object({
    inventories: T.Array(inventorySchema(vmNic)),
    start: T.Integer({ description: 'Where the next page begins.' }),
    more: T.Boolean({ description: 'Whether there is a next page.' }),
  }),
  title: 'Get the interfaces that an EIP can be attached to',
  summary:
    'Interfaces of the account with an IPv4 address and no EIP, of servers that run or are stopped. None where the EIP is attached already.',
  examples: [
    {
      title: 'All of them',
      params: { eipUuid: eipExample.uuid },
      status: 200,
      response: { inventories: [nicExample], start: 1, more: false },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { eipUuid, vipUuid, vmUuid, vmName, attachedToVm = true, limit = 1000, start = 0 } = input;
    const vip = await freeVip(cloud, subject, eipUuid, vipUuid);
    if (!vip) return { inventories: [], start: 0, more: false };
    const page = Math.min(limit, 1000);
    const query: Query = { ...parseQuery({}), limit: page + 1, start };
    const condition = (path: string[], operator: Operator, value: string, list?: string[]) =>
      query.conditions.push({ path, operator, value, ...(list && { list }) });
    condition(['l3Network', 'category'], '!=', 'Public');
    condition(['ipVersion'], '=', '4');
    if (attachedToVm) condition(['vmInstance', 'state'], '?=', '', ['Running', 'Stopped']);
    else condition(['vmInstanceUuid'], '=', '');
    if (vmUuid !== undefined) condition(['vmInstanceUuid'], '=', vmUuid);
    if (vmName !== undefined) condition(['vmInstance', 'name'], '~=', `%${vmName}%`);
    const hasEip = { path: ['uuid'], negated: true, among: eipInventory, field: 'vmNicUuid' } as const;
    query.filter = { and: [...query.conditions.map((_, leaf) => ({ leaf })), hasEip] };
    const owner = { ...subject, isAdmin: false, projectId: vip.projectId };
    const { inventories = [] } = await runQuery(cloud, vmNic, owner, query);
    const found = inventories.slice(0, page);
    return { inventories: found, start: start + found.length, more: inventories.length > page };
  },
});

const detachEip = jobOperation({
  ...eips,
  id: 'DetachEip',
  method: 'DELETE',
  path: '/eips/{uuid}/vm-instances/nics',
  params: uuidIn('uuid', 'The EIP.'),
  result: eipInventory,
  title: 'Detach an EIP from its interface',
  summary: 'The address stays the account’s.',
  examples: [
    {
      title: 'Detach',
      params: { uuid: eipExample.uuid },
      status: 200,
      response: { inventory: freeEip, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await cloud.eips.detach(subject, uuid);
    return { uuid };
  },
});

export const eipOperations = [
  createVip,
  createEip,
  attachEip,
  getEipAttachableVmNics,
  detachEip,
  change({
    ...vips,
    id: 'UpdateVip',
    path: '/vips/{uuid}/actions',
    result: vip,
    title: 'Change a VIP',
    summary: 'Changes its name or description.',
    example: vipExample,
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await cloud.networks.floatingIps.update(subject, uuid, { description });
      if (name !== undefined) await cloud.eips.nameVip(uuid, name);
      return undefined;
    },
  }),
  change({
    ...eips,
    id: 'UpdateEip',
    path: '/eips/{uuid}/actions',
    result: eipInventory,
    title: 'Change an EIP',
    summary: 'Changes its name or description.',
    example: eipExample,
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await cloud.eips.update(subject, uuid, { name, description });
      return undefined;
    },
  }),
  deletion({
    ...eips,
    id: 'DeleteEip',
    path: '/eips/{uuid}',
    title: 'Delete an EIP',
    summary: 'The VIP stays.',
    example: eipExample,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.eips.delete(subject, uuid);
      return undefined;
    },
  }),
  deletion({
    ...vips,
    id: 'DeleteVip',
    path: '/vips/{uuid}',
    title: 'Delete a VIP',
    summary: 'Gives the address back; an EIP that used it goes with it.',
    example: vipExample,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.eips.deleteVip(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(vip, {
    id: 'QueryVip',
    group: vips.group,
    package: vips.package,
    path: '/vips',
    since: '0.6',
    title: 'Query VIPs',
    example: vipExample,
  }),
  ...queryOperations(eipInventory, {
    id: 'QueryEip',
    group: eips.group,
    package: eips.package,
    path: '/eips',
    since: '0.6',
    title: 'Query EIPs',
    example: eipExample,
  }),
];
