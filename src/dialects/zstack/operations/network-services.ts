import { Type as T } from 'typebox';
import { l3Network } from '../inventories/network.ts';
import { networkServiceProvider, networkServiceProviders } from '../inventories/network-services.ts';
import { textField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { resourceNotFound } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { l3Example } from './l3-examples.ts';
import { l3NetworkNamed } from './l3-words.ts';
import { creationExample } from './simple-operations.ts';

const group = 'Network Service';
const shared = { group, package: 'header.network.service', since: '0.6', allow: 'member' } as const;
const byL3 = uuidIn('l3NetworkUuid', 'The network.');
const here = { l3NetworkUuid: l3Example.uuid };
const [flat] = networkServiceProviders;
const servicesByProvider = T.Record(T.String(), T.Array(T.String({ maxLength: 64 }), { maxItems: 50 }), {
  description: 'The services by the uuid of their provider.',
});
const exampleServices = { [flat.uuid]: ['DHCP', 'Userdata'] };
const served = {
  ...l3Example,
  networkServices: exampleServices[flat.uuid]!.map((networkServiceType) => ({
    l3NetworkUuid: l3Example.uuid,
    networkServiceProviderUuid: flat.uuid,
    networkServiceType,
  })),
};

const attachNetworkServiceToL3Network = jobOperation({
  ...shared,
  id: 'AttachNetworkServiceToL3Network',
  method: 'POST',
  path: '/l3-networks/{l3NetworkUuid}/network-services',
  params: byL3,
  body: T.Object({ networkServices: servicesByProvider }),
  result: l3Network,
  title: 'Attach services to an L3 network',
  summary: 'Notes who serves it. DHCP, user data and security groups are served in every network of this cloud.',
  examples: [creationExample('DHCP and user data', { networkServices: exampleServices }, served, here)],
  handle: async ({ cloud, subject, input: { l3NetworkUuid, networkServices } }) => {
    const { network } = await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', l3NetworkUuid);
    // Whoever may change the network may say what serves it.
    await cloud.networks.networks.update(subject, network.id, {});
    const services = await cloud.l3Networks.services(network.id);
    for (const [uuid, wanted] of Object.entries(networkServices)) {
      const provider = networkServiceProviders.find((one) => one.uuid === uuid);
      if (!provider) throw resourceNotFound('networkServices', uuid, 'NetworkServiceProviderVO');
      services[uuid] = [...new Set([...(services[uuid] ?? []), ...wanted])];
    }
    await cloud.l3Networks.setServices(network.id, services);
    return { uuid: l3NetworkUuid };
  },
});

const detachNetworkServiceFromL3Network = jobOperation({
  ...shared,
  id: 'DetachNetworkServiceFromL3Network',
  method: 'DELETE',
  path: '/l3-networks/{l3NetworkUuid}/network-services',
  params: byL3,
  query: T.Object({ service: textField('The service, whoever provides it; all of them where it is left out.') }),
  result: l3Network,
  title: 'Take services from an L3 network',
  summary: 'Notes that they are not wanted any more.',
  examples: [{ title: 'Detach', params: here, status: 200, response: { inventory: l3Example, success: true } }],
  handle: async ({ cloud, subject, input: { l3NetworkUuid, service } }) => {
    const { network } = await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', l3NetworkUuid);
    await cloud.networks.networks.update(subject, network.id, {});
    const services = await cloud.l3Networks.services(network.id);
    const left = Object.entries(services)
      .map(([uuid, all]) => [uuid, service === undefined ? [] : all.filter((one) => one !== service)] as const)
      .filter(([, all]) => all.length > 0);
    await cloud.l3Networks.setServices(network.id, Object.fromEntries(left));
    return { uuid: l3NetworkUuid };
  },
});

const getNetworkServiceTypes = syncOperation({
  ...shared,
  allow: 'reader',
  id: 'GetNetworkServiceTypes',
  method: 'GET',
  path: '/network-services/types',
  response: T.Object({ types: T.Record(T.String(), T.Array(T.String())) }),
  title: 'Get the kinds of network services',
  summary: 'By the kind of their provider.',
  examples: [
    {
      title: 'All',
      status: 200,
      response: { types: Object.fromEntries(networkServiceProviders.map(({ type, services }) => [type, services])) },
    },
  ],
  handle: () => ({
    types: Object.fromEntries(networkServiceProviders.map(({ type, services }) => [type, [...services]])),
  }),
});

export const networkServiceOperations = [
  attachNetworkServiceToL3Network,
  detachNetworkServiceFromL3Network,
  getNetworkServiceTypes,
  ...queryOperations(networkServiceProvider, {
    id: 'QueryNetworkServiceProvider',
    group,
    package: 'header.network.service',
    path: '/network-services/providers',
    since: '0.6',
    title: 'Query network service providers',
    example: {
      uuid: flat.uuid,
      name: flat.name,
      type: flat.type,
      description: 'Built in.',
      networkServiceTypes: [...flat.services],
    },
  }),
];
