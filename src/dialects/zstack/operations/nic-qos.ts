import { Type as T } from 'typebox';
import { booleanField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { nicExample } from './nic-examples.ts';
import { nicNamed } from './nic-words.ts';

const shared = { group: 'VM Instance', package: 'header.vm', since: '0.6', allow: 'member' } as const;
const byUuid = uuidIn('uuid', 'The interface.');
const here = { uuid: nicExample.uuid };

/** Bits per second. */
const [lowest, highest] = [8192, 32212254720];
// Go clients send 0 for what they leave out.
const bandwidth = (what: string) =>
  T.Optional(T.Integer({ minimum: 0, maximum: highest, description: `${what}, bits per second, ${lowest} at least.` }));

const setNicQos = jobOperation({
  ...shared,
  id: 'SetNicQos',
  method: 'PUT',
  path: '/vm-instances/{uuid}/actions',
  params: byUuid,
  body: T.Object({
    outboundBandwidth: bandwidth('What the guest may send'),
    inboundBandwidth: bandwidth('What the guest may take'),
  }),
  title: 'Limit an interface',
  summary:
    'Limits what a guest may send and take over an interface, at once where it runs. Of this limit and that of a QoS ' +
    'policy of the port or its network, the lower one holds.',
  examples: [
    {
      title: 'A megabit per second',
      params: here,
      body: { setNicQos: { outboundBandwidth: 1000000, inboundBandwidth: 1000000 } },
      status: 200,
      response: {},
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, outboundBandwidth, inboundBandwidth } }) => {
    await nicNamed(cloud, subject, 'uuid', uuid);
    const given = [outboundBandwidth, inboundBandwidth].filter((rate) => rate !== undefined && rate > 0);
    if (given.length === 0) throw invalidArgument('outboundBandwidth or inboundBandwidth must be set');
    if (given.some((rate) => rate! < lowest)) {
      throw invalidArgument(`the bandwidth of an interface must be at least ${lowest} bits per second`);
    }
    await cloud.networks.ports.update(subject, uuid, {
      ...(outboundBandwidth ? { egressLimit: outboundBandwidth } : {}),
      ...(inboundBandwidth ? { ingressLimit: inboundBandwidth } : {}),
    });
    return {};
  },
});

const deleteNicQos = jobOperation({
  ...shared,
  id: 'DeleteNicQos',
  method: 'DELETE',
  path: '/vm-instances/{uuid}/nic-qos',
  params: byUuid,
  query: T.Object({
    direction: T.Unsafe<'in' | 'out'>({
      type: 'string',
      enum: ['in', 'out'],
      description: 'in for what the guest takes, out for what it sends.',
    }),
  }),
  title: 'Take a limit off an interface',
  summary: 'What a QoS policy of the port or its network says holds on.',
  examples: [{ title: 'Of what is sent', params: here, query: { direction: 'out' }, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid, direction } }) => {
    await nicNamed(cloud, subject, 'uuid', uuid);
    const changes = direction === 'in' ? { ingressLimit: null } : { egressLimit: null };
    await cloud.networks.ports.update(subject, uuid, changes);
    return {};
  },
});

const rate = T.Integer({ description: 'Bits per second; -1 where there is no limit.' });

const getNicQos = syncOperation({
  ...shared,
  allow: 'reader',
  id: 'GetNicQos',
  method: 'GET',
  path: '/vm-instances/{uuid}/nic-qos',
  params: byUuid,
  query: T.Object({ forceSync: booleanField('Accepted: what is answered is always what hosts are told.') }),
  response: T.Object({
    outboundBandwidth: rate,
    inboundBandwidth: rate,
    outboundBandwidthUpthreshold: rate,
    inboundBandwidthUpthreshold: rate,
  }),
  title: 'Get the limits of an interface',
  summary:
    'What holds for an interface in all; and, as upper thresholds, what a QoS policy of the port or its network says.',
  examples: [
    {
      title: 'A megabit per second',
      params: here,
      status: 200,
      response: {
        outboundBandwidth: 1000000,
        inboundBandwidth: 1000000,
        outboundBandwidthUpthreshold: -1,
        inboundBandwidthUpthreshold: -1,
      },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    const { inAll, ofPolicy } = await cloud.networks.bandwidthOf(await nicNamed(cloud, subject, 'uuid', uuid));
    return {
      outboundBandwidth: inAll.egress ?? -1,
      inboundBandwidth: inAll.ingress ?? -1,
      outboundBandwidthUpthreshold: ofPolicy.egress ?? -1,
      inboundBandwidthUpthreshold: ofPolicy.ingress ?? -1,
    };
  },
});

/** What guests may send and take over their interfaces. */
export const nicQosOperations = [setNicQos, deleteNicQos, getNicQos];
