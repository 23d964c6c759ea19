import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { MemberList } from '../../../cloud/load-balancers/pools.ts';
import { loadBalancer, loadBalancerListener, loadBalancerServerGroup } from '../inventories/load-balancer.ts';
import { vmNic } from '../inventories/network.ts';
import { descriptionField, nameField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { invalidArgument, operationFailed, resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { inventoriesWith } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';
import { weightOf, weightsOfTags } from './listener-words.ts';
import { balancerExample, listenerExample, serverGroupExample } from './load-balancer-examples.ts';
import { nicExample } from './nic-examples.ts';
import { change, creationExample, deletion } from './simple-operations.ts';

const groups = {
  group: 'Load balancer server group',
  package: 'network.service.lb',
  since: '4.0',
  allow: 'member',
} as const;
const ofListener = uuidIn('listenerUuid', 'The listener.');
const ofGroup = uuidIn('serverGroupUuid', 'The server group.');
const thisListener = { listenerUuid: listenerExample.uuid };
const thisGroup = { serverGroupUuid: serverGroupExample.uuid };
const nicUuids = T.Array(T.String({ maxLength: 64 }), { minItems: 1, maxItems: 100, description: 'The interfaces.' });
const weight = T.Optional(
  T.Union([T.String({ maxLength: 8 }), T.Integer()], { description: 'From 0 to 100; 100 where it is left out.' }),
);
const vmNics = T.Optional(
  T.Array(T.Object({ uuid: T.String({ maxLength: 64, description: 'The interface.' }), weight }), {
    maxItems: 100,
    description: 'Interfaces of servers.',
  }),
);
const servers = T.Optional(
  T.Array(T.Object({ ipAddress: T.String({ maxLength: 64, description: 'An address of IPv4.' }), weight }), {
    maxItems: 100,
    description: 'Addresses that the router of the servers reaches.',
  }),
);
const member = { vmNics: [{ uuid: nicExample.uuid, weight: '50' }] };
const withMember = { inventory: serverGroupExample, success: true };

interface MemberWords {
  vmNics?: Array<{ uuid: string; weight?: string | number }>;
  servers?: Array<{ ipAddress: string; weight?: string | number }>;
}

function membersOf(input: MemberWords): MemberList {
  const { vmNics: nics = [], servers: addresses = [] } = input;
  if (nics.length + addresses.length === 0) throw invalidArgument('vmnic or ip is null');
  const heavy = (one: string | number | undefined) => (one === undefined ? {} : { weight: weightOf(one) });
  return {
    ports: nics.map((one) => ({ portId: one.uuid, ...heavy(one.weight) })),
    addresses: addresses.map((one) => ({ address: one.ipAddress, ...heavy(one.weight) })),
  };
}

const addVmNicToLoadBalancer = jobOperation({
  ...groups,
  id: 'AddVmNicToLoadBalancer',
  since: '0.6',
  method: 'POST',
  path: '/load-balancers/listeners/{listenerUuid}/vm-instances/nics',
  params: ofListener,
  body: T.Object({ vmNicUuids: nicUuids }),
  result: loadBalancerListener,
  title: 'Add interfaces to a listener',
  summary:
    'They get what comes, by a server group that is the listener’s own. Their networks get a router where they have none. System tags balancerWeight::<uuid>::<weight> say how much they get.',
  examples: [creationExample('One', { vmNicUuids: [nicExample.uuid] }, listenerExample, thisListener)],
  handle: async ({ cloud, subject, input: { listenerUuid, vmNicUuids, systemTags } }) => {
    const weights = weightsOfTags(systemTags);
    const ports = vmNicUuids.map((portId) => ({ portId, weight: weights.get(portId) }));
    await cloud.loadBalancers.listeners.addMembers(subject, listenerUuid, { ports });
    return { uuid: listenerUuid };
  },
});

const removeVmNicFromLoadBalancer = jobOperation({
  ...groups,
  id: 'RemoveVmNicFromLoadBalancer',
  since: '0.6',
  method: 'DELETE',
  path: '/load-balancers/listeners/{listenerUuid}/vm-instances/nics',
  params: ofListener,
  query: T.Object({ vmNicUuids: nicUuids }),
  result: loadBalancer,
  title: 'Remove interfaces from a listener',
  summary: 'Those that were added to it itself; connections that they have go on.',
  examples: [
    {
      title: 'One',
      params: thisListener,
      query: { vmNicUuids: nicExample.uuid },
      status: 200,
      response: { inventory: balancerExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { listenerUuid, vmNicUuids } }) => ({
    uuid: await cloud.loadBalancers.listeners.removeMembers(subject, listenerUuid, vmNicUuids),
  }),
});

const createLoadBalancerServerGroup = jobOperation({
  ...groups,
  id: 'CreateLoadBalancerServerGroup',
  since: '0.6',
  creates: 'load_balancer_pool',
  method: 'POST',
  path: '/load-balancers/{loadBalancerUuid}/servergroups',
  params: uuidIn('loadBalancerUuid', 'The load balancer.'),
  body: T.Object({
    name: nameField,
    description: descriptionField,
    ipVersion: T.Optional(T.Integer({ description: '4; the other is not offered.' })),
  }),
  result: loadBalancerServerGroup,
  title: 'Create a server group',
  summary: 'Servers that listeners of the load balancer may give connections to.',
  examples: [
    creationExample(
      'An empty one',
      { name: serverGroupExample.name },
      { ...serverGroupExample, listenerServerGroupRefs: [], vmNicRefs: [] },
      { loadBalancerUuid: balancerExample.uuid },
    ),
  ],
  handle: async ({
    cloud,
    subject,
    input: { resourceUuid: id, loadBalancerUuid, name, description, ipVersion = 4 },
  }) => {
    if (ipVersion === 6) throw new ZStackError('SYS.1014', 'ipVersion can only be 4: IPv6 is not balanced');
    if (ipVersion !== 4) throw invalidArgument(`invalid ip version[${ipVersion}], it must be 4 or 6`);
    const wanted = { id, name, description, loadBalancerId: loadBalancerUuid };
    return { uuid: await cloud.loadBalancers.pools.create(subject, wanted) };
  },
});

const addBackendServerToServerGroup = jobOperation({
  ...groups,
  id: 'AddBackendServerToServerGroup',
  method: 'POST',
  path: '/load-balancers/servergroups/{serverGroupUuid}/backendservers',
  params: ofGroup,
  body: T.Object({ vmNics, servers }),
  result: loadBalancerServerGroup,
  title: 'Add servers to a server group',
  summary: 'Interfaces of servers, or addresses behind the same router, each with its weight.',
  examples: [creationExample('An interface', member, serverGroupExample, thisGroup)],
  handle: async ({ cloud, subject, input }) => {
    await cloud.loadBalancers.pools.addMembers(subject, input.serverGroupUuid, membersOf(input));
    return { uuid: input.serverGroupUuid };
  },
});

const changeLoadBalancerBackendServer = jobOperation({
  ...groups,
  id: 'ChangeLoadBalancerBackendServer',
  method: 'PUT',
  path: '/load-balancers/servergroups/{serverGroupUuid}/backendserver/actions',
  params: ofGroup,
  body: T.Object({ vmNics, servers }),
  result: loadBalancerServerGroup,
  title: 'Change the weights of servers',
  summary: 'How much each gets, where the listener heeds it; 0 for nothing new.',
  examples: [
    {
      title: 'Half',
      params: thisGroup,
      body: { changeLoadBalancerBackendServer: member },
      status: 200,
      response: withMember,
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    await cloud.loadBalancers.pools.weigh(subject, input.serverGroupUuid, membersOf(input));
    return { uuid: input.serverGroupUuid };
  },
});

const removeBackendServerFromServerGroup = jobOperation({
  ...groups,
  id: 'RemoveBackendServerFromServerGroup',
  method: 'PUT',
  path: '/load-balancers/servergroups/{serverGroupUuid}/backendservers/actions',
  params: ofGroup,
  body: T.Object({
    vmNicUuids: T.Optional(nicUuids),
    serverIps: T.Optional(T.Array(T.String({ maxLength: 64 }), { maxItems: 100, description: 'The addresses.' })),
  }),
  result: loadBalancerServerGroup,
  title: 'Remove servers from a server group',
  summary: 'They get nothing new; connections that they have go on.',
  examples: [
    {
      title: 'An interface',
      params: thisGroup,
      body: { removeBackendServerFromServerGroup: { vmNicUuids: [nicExample.uuid] } },
      status: 200,
      response: { inventory: { ...serverGroupExample, vmNicRefs: [] }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { serverGroupUuid, vmNicUuids, serverIps } }) => {
    if (!vmNicUuids?.length && !serverIps?.length) throw invalidArgument('vmnic or ip is null');
    const members = { portIds: vmNicUuids, addresses: serverIps };
    await cloud.loadBalancers.pools.removeMembers(subject, serverGroupUuid, members);
    return { uuid: serverGroupUuid };
  },
});

const addServerGroupToLoadBalancerListener = jobOperation({
  ...groups,
  id: 'AddServerGroupToLoadBalancerListener',
  method: 'POST',
  path: '/load-balancers/listeners/{listenerUuid}/servergroups',
  params: ofListener,
  body: T.Object({ serverGroupUuid: T.String({ maxLength: 64, description: 'The server group.' }) }),
  result: loadBalancerListener,
  title: 'Add a server group to a listener',
  summary: 'Its servers get what comes, beside those of the listener’s other groups.',
  examples: [creationExample('One', thisGroup, listenerExample, thisListener)],
  handle: async ({ cloud, subject, input: { listenerUuid, serverGroupUuid } }) => {
    await cloud.loadBalancers.listeners.addPool(subject, listenerUuid, serverGroupUuid);
    return { uuid: listenerUuid };
  },
});

const removeServerGroupFromLoadBalancerListener = jobOperation({
  ...groups,
  id: 'RemoveServerGroupFromLoadBalancerListener',
  since: '0.6',
  method: 'DELETE',
  path: '/load-balancers/listeners/{listenerUuid}/servergroups',
  params: ofListener,
  query: T.Object({ serverGroupUuid: T.String({ maxLength: 64, description: 'The server group.' }) }),
  result: loadBalancerListener,
  title: 'Remove a server group from a listener',
  summary: 'The group stays.',
  examples: [
    {
      title: 'One',
      params: thisListener,
      query: thisGroup,
      status: 200,
      response: { inventory: { ...listenerExample, vmNicRefs: [], serverGroupRefs: [] }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { listenerUuid, serverGroupUuid } }) => {
    await cloud.loadBalancers.listeners.removePool(subject, listenerUuid, serverGroupUuid);
    return { uuid: listenerUuid };
  },
});

/** Interfaces of the owner that are none of these, with an address of IPv4 in a network of its own. */
async function candidates(cloud: Cloud, subject: Subject, projectId: string, taken: ReadonlySet<unknown>) {
  const owner = { ...subject, isAdmin: false, projectId };
  const conditions = ['l3Network.category!=Public', 'ipVersion=4', 'vmInstance.state?=Running,Stopped'];
  const inventories = await inventoriesWith(cloud, vmNic, owner, conditions);
  return { inventories: inventories.filter(({ uuid }) => !taken.has(uuid)) };
}

const candidateResponse = T.Object({ inventories: T.Array(inventorySchema(vmNic)) });

const getCandidateVmNicsForLoadBalancer = syncOperation({
  ...groups,
  since: '0.6',
  allow: 'reader',
  id: 'GetCandidateVmNicsForLoadBalancer',
  method: 'GET',
  path: '/load-balancers/listeners/{listenerUuid}/vm-instances/candidate-nics',
  params: ofListener,
  response: candidateResponse,
  title: 'Get the interfaces that can be added to a listener',
  summary: 'Those of the account in networks of its own that the listener gives nothing to yet.',
  examples: [{ title: 'All', params: thisListener, status: 200, response: { inventories: [nicExample] } }],
  handle: async ({ cloud, subject, input: { listenerUuid } }) => {
    const projectId = await cloud.loadBalancers.ownerOf(subject, 'load_balancer_listeners', listenerUuid);
    const [listener] = await inventoriesWith(cloud, loadBalancerListener, subject, [`uuid=${listenerUuid}`]);
    return await candidates(cloud, subject, projectId, nicsIn(listener));
  },
});

const getCandidateVmNicsForLoadBalancerServerGroup = syncOperation({
  ...groups,
  since: '0.6',
  allow: 'reader',
  id: 'GetCandidateVmNicsForLoadBalancerServerGroup',
  method: 'GET',
  path: '/load-balancers/servergroups/candidate-nics',
  query: T.Object({
    servergroupUuid: uuidField('The server group.'),
    loadBalancerUuid: uuidField('The load balancer of one that is to be made, in its place.'),
    ipVersion: T.Optional(T.Integer({ description: '4; the other has none.' })),
  }),
  response: candidateResponse,
  title: 'Get the interfaces that can be added to a server group',
  summary: 'Those of the account in networks of its own that are not in it.',
  examples: [
    {
      title: 'Of a group',
      query: { servergroupUuid: serverGroupExample.uuid },
      status: 200,
      response: { inventories: [nicExample] },
    },
  ],
  handle: async ({ cloud, subject, input: { servergroupUuid, loadBalancerUuid, ipVersion = 4 } }) => {
    const balancers = cloud.loadBalancers;
    if (servergroupUuid === undefined && loadBalancerUuid === undefined) {
      throw operationFailed(
        'could not get candidate vmnic, because both load balancer uuid and server group uuid are not specified',
      );
    }
    const projectId =
      servergroupUuid === undefined
        ? await balancers.ownerOf(subject, 'load_balancers', loadBalancerUuid!)
        : await balancers.ownerOf(subject, 'load_balancer_pools', servergroupUuid);
    if (ipVersion !== 4) return { inventories: [] };
    if (servergroupUuid === undefined) return await candidates(cloud, subject, projectId, new Set());
    const [found] = await inventoriesWith(cloud, loadBalancerServerGroup, subject, [`uuid=${servergroupUuid}`]);
    if (!found) throw resourceNotFound('servergroupUuid', servergroupUuid, 'LoadBalancerServerGroupVO');
    return await candidates(cloud, subject, projectId, nicsIn(found));
  },
});

function nicsIn(inventory: Record<string, unknown> | undefined): Set<unknown> {
  const refs = (inventory?.['vmNicRefs'] ?? []) as Array<{ vmNicUuid: string }>;
  return new Set(refs.map(({ vmNicUuid }) => vmNicUuid));
}

export const loadBalancerServerOperations = [
  addVmNicToLoadBalancer,
  removeVmNicFromLoadBalancer,
  createLoadBalancerServerGroup,
  addBackendServerToServerGroup,
  changeLoadBalancerBackendServer,
  removeBackendServerFromServerGroup,
  addServerGroupToLoadBalancerListener,
  removeServerGroupFromLoadBalancerListener,
  getCandidateVmNicsForLoadBalancer,
  getCandidateVmNicsForLoadBalancerServerGroup,
  change({
    ...groups,
    id: 'UpdateLoadBalancerServerGroup',
    path: '/load-balancers/servergroups/{uuid}/actions',
    result: loadBalancerServerGroup,
    title: 'Change a server group',
    summary: 'Changes its name or description.',
    example: serverGroupExample,
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await cloud.loadBalancers.pools.update(subject, uuid, { name, description });
      return undefined;
    },
  }),
  deletion({
    ...groups,
    since: '0.6',
    id: 'DeleteLoadBalancerServerGroup',
    path: '/load-balancers/servergroups/{uuid}',
    title: 'Delete a server group',
    summary: 'One that belongs to a listener goes with that.',
    example: serverGroupExample,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.loadBalancers.pools.delete(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(loadBalancerServerGroup, {
    id: 'QueryLoadBalancerServerGroup',
    group: groups.group,
    package: groups.package,
    path: '/load-balancers/servergroups',
    title: 'Query server groups',
    example: serverGroupExample,
  }),
];
