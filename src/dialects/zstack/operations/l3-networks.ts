import { Type as T } from 'typebox';
import { l3Network } from '../inventories/network.ts';
import { booleanField, descriptionField, nameField, oneOfField, textField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { invalidArgument, resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { l3Example } from './l3-examples.ts';
import { l3NetworkNamed } from './l3-words.ts';
import { change, creationExample, deletion, stateChange } from './simple-operations.ts';

const group = 'L3 Network';
const shared = { group, package: 'header.network.l3', since: '0.6', allow: 'member' } as const;
const here = { l3NetworkUuid: l3Example.uuid };
const byL3 = uuidIn('l3NetworkUuid', 'The network.');
const categories = ['Public', 'Private', 'System'] as const;
const success = { inventory: l3Example, success: true };

const createL3Network = jobOperation({
  ...shared,
  id: 'CreateL3Network',
  creates: 'network',
  method: 'POST',
  path: '/l3-networks',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    type: oneOfField(['L3BasicNetwork', 'L3VpcNetwork'], 'L3BasicNetwork or L3VpcNetwork: the same here.'),
    l2NetworkUuid: T.String({ maxLength: 64, description: 'The L2 network that it is on.' }),
    category: oneOfField(categories, 'Public: its addresses are outside, for VIPs; administrators only.'),
    ipVersion: T.Optional(T.Integer({ minimum: 4, maximum: 6, description: 'Accepted: its ranges say it.' })),
    system: booleanField('Whether it is for the cloud’s own servers only.'),
    dnsDomain: textField('The domain of its guests.'),
    enableIPAM: booleanField('Must be true.'),
  }),
  result: l3Network,
  title: 'Create an L3 network',
  summary: 'Makes a network; addresses come with its IP ranges.',
  examples: [
    creationExample(
      'A private one',
      { name: 'default', l2NetworkUuid: 'b1c2d3e4f5a641b28c3d4e5f60718293' },
      { ...l3Example, ipRanges: [], dns: [], l2NetworkUuid: 'b1c2d3e4f5a641b28c3d4e5f60718293' },
    ),
  ],
  handle: async ({ cloud, subject, input }) => {
    if (input.enableIPAM === false) {
      throw new ZStackError('SYS.1014', 'networks whose addresses the cloud does not give out are not offered');
    }
    const { category, system, dnsDomain, l2NetworkUuid } = input;
    const network = {
      id: input.resourceUuid,
      name: input.name,
      description: input.description ?? '',
      external: category === 'Public',
    };
    const facts = { l2NetworkId: l2NetworkUuid, category, system, dnsDomain };
    const made = await cloud.l3Networks.create(subject, network, facts).catch((error: unknown) => {
      const isUnknown = error instanceof Error && 'code' in error && error.code === 'not_found';
      throw isUnknown ? resourceNotFound('l2NetworkUuid', l2NetworkUuid, 'L2NetworkVO') : error;
    });
    return { uuid: made.id };
  },
});

const dnsField = T.String({ minLength: 1, maxLength: 64, description: 'The address of a name server.' });

const addDnsToL3Network = jobOperation({
  ...shared,
  id: 'AddDnsToL3Network',
  method: 'POST',
  path: '/l3-networks/{l3NetworkUuid}/dns',
  params: byL3,
  body: T.Object({ dns: dnsField }),
  result: l3Network,
  title: 'Add a name server to an L3 network',
  summary: 'Guests are told of it when they ask for their address.',
  examples: [creationExample('Add', { dns: '10.0.0.1' }, l3Example, here)],
  handle: async ({ cloud, subject, input: { l3NetworkUuid, dns } }) => {
    const { subnets } = await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', l3NetworkUuid);
    if (subnets.length === 0) {
      throw invalidArgument(`l3Network[uuid:${l3NetworkUuid}] has no ip range yet, add one before its name servers`);
    }
    if (subnets.some(({ dnsNameservers }) => dnsNameservers.includes(dns))) {
      throw invalidArgument(`there has been a DNS[${dns}] on L3 network[uuid:${l3NetworkUuid}]`);
    }
    for (const { id, dnsNameservers, ipVersion } of subnets) {
      if (ipVersion !== (dns.includes(':') ? 6 : 4)) continue;
      await cloud.networks.subnets.update(subject, id, { dnsNameservers: [...dnsNameservers, dns] });
    }
    return { uuid: l3NetworkUuid };
  },
});

const removeDnsFromL3Network = jobOperation({
  ...shared,
  id: 'RemoveDnsFromL3Network',
  method: 'DELETE',
  path: '/l3-networks/{l3NetworkUuid}/dns/{dns}',
  params: T.Object({ ...byL3.properties, dns: dnsField }),
  result: l3Network,
  title: 'Take a name server from an L3 network',
  summary: 'Guests that ask again are not told of it any more.',
  examples: [{ title: 'Remove', params: { ...here, dns: '10.0.0.1' }, status: 200, response: success }],
  handle: async ({ cloud, subject, input: { l3NetworkUuid, dns } }) => {
    const { subnets } = await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', l3NetworkUuid);
    for (const { id, dnsNameservers } of subnets) {
      if (!dnsNameservers.includes(dns)) continue;
      const left = dnsNameservers.filter((one) => one !== dns);
      await cloud.networks.subnets.update(subject, id, { dnsNameservers: left });
    }
    return { uuid: l3NetworkUuid };
  },
});

const addHostRouteToL3Network = jobOperation({
  ...shared,
  id: 'AddHostRouteToL3Network',
  method: 'POST',
  path: '/l3-networks/{l3NetworkUuid}/hostroute',
  params: byL3,
  body: T.Object({
    prefix: T.String({ maxLength: 64, description: 'Where it leads, in CIDR notation.' }),
    nexthop: T.String({ maxLength: 64, description: 'The next address on the way.' }),
  }),
  result: l3Network,
  title: 'Add a route for the guests of an L3 network',
  summary: 'Guests are told of it when they ask for their address.',
  examples: [
    creationExample(
      'Add',
      { prefix: '192.168.7.0/24', nexthop: '10.0.0.9' },
      { ...l3Example, hostRoute: [{ l3NetworkUuid: l3Example.uuid, prefix: '192.168.7.0/24', nexthop: '10.0.0.9' }] },
      here,
    ),
  ],
  handle: async ({ cloud, subject, input: { l3NetworkUuid, prefix, nexthop } }) => {
    const { subnets } = await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', l3NetworkUuid);
    const route = { destination: prefix, nexthop };
    for (const { id, hostRoutes } of subnets) {
      await cloud.networks.subnets.update(subject, id, { hostRoutes: [...hostRoutes, route] });
    }
    return { uuid: l3NetworkUuid };
  },
});

const getL3NetworkMtu = syncOperation({
  ...shared,
  allow: 'reader',
  id: 'GetL3NetworkMtu',
  method: 'GET',
  path: '/l3-networks/{l3NetworkUuid}/mtu',
  params: byL3,
  response: T.Object({ mtu: T.Integer({ description: 'Bytes.' }) }),
  title: 'Get the MTU of an L3 network',
  summary: 'The largest packet that it carries.',
  examples: [{ title: 'Get', params: here, status: 200, response: { mtu: 1500 } }],
  handle: async ({ cloud, subject, input: { l3NetworkUuid } }) => {
    const { network } = await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', l3NetworkUuid);
    return { mtu: network.mtu };
  },
});

export const l3NetworkOperations = [
  createL3Network,
  addDnsToL3Network,
  removeDnsFromL3Network,
  addHostRouteToL3Network,
  getL3NetworkMtu,
  change({
    ...shared,
    id: 'UpdateL3Network',
    path: '/l3-networks/{uuid}/actions',
    result: l3Network,
    title: 'Change an L3 network',
    summary: 'Changes its name, description, domain or category.',
    example: l3Example,
    body: {
      dnsDomain: textField('The domain of its guests.'),
      category: oneOfField(categories, 'Public, Private or System.'),
      system: booleanField('Whether it is for the cloud’s own servers only.'),
    },
    apply: async ({ cloud, subject, input: { uuid, name, description } }, { dnsDomain, category, system }) => {
      const external = category === undefined ? undefined : category === 'Public';
      await l3NetworkNamed(cloud, subject, 'uuid', uuid);
      await cloud.networks.networks.update(subject, uuid, { name, description, external });
      await cloud.l3Networks.setFacts(uuid, { dnsDomain, category, system });
      return undefined;
    },
  }),
  stateChange({
    ...shared,
    id: 'ChangeL3NetworkState',
    path: '/l3-networks/{uuid}/actions',
    result: l3Network,
    title: 'Enable or disable an L3 network',
    summary: 'A disabled one is not served: its guests get no addresses by it.',
    example: l3Example,
    apply: ({ cloud, subject, input: { uuid } }, adminStateUp) =>
      cloud.networks.networks.update(subject, uuid, { adminStateUp }),
  }),
  deletion({
    ...shared,
    id: 'DeleteL3Network',
    path: '/l3-networks/{uuid}',
    title: 'Delete an L3 network',
    summary: 'Deletes it with its IP ranges; refused while anything has an interface in it.',
    example: l3Example,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.networks.networks.delete(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(l3Network, {
    id: 'QueryL3Network',
    group,
    package: 'header.network.l3',
    path: '/l3-networks',
    since: '0.6',
    title: 'Query L3 networks',
    example: l3Example,
  }),
];
