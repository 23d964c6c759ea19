import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Alongside } from '../../../cloud/load-balancers/listeners.ts';
import { type ListenerProtocol, usualSettings } from '../../../cloud/load-balancers/model.ts';
import { loadBalancer, loadBalancerListener } from '../inventories/load-balancer.ts';
import { descriptionField, nameField, oneOfField, textField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument, ZStackError } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { requireUuid } from './images.ts';
import { algorithms, httpModes, saysSettings, settingsOf, tagsOf, tlsPolicies, wordsOfTags } from './listener-words.ts';
import { balancerExample, listenerExample } from './load-balancer-examples.ts';
import { change, creationExample } from './simple-operations.ts';

const listeners = {
  group: 'Load balancer listener',
  package: 'network.service.lb',
  since: '0.6',
  allow: 'member',
} as const;
const { vmNicRefs: _nics, serverGroupRefs: _groups, ...fresh } = listenerExample;
const freshListener = { ...fresh, vmNicRefs: [], serverGroupRefs: [] };
const port = (description: string) => T.Integer({ minimum: 1, maximum: 65_535, description });
const keysOf = <Words extends object>(words: Words) => Object.keys(words) as Array<keyof Words & string>;

/** What may be said of a listener when it is made and later. */
const commonWords = {
  healthCheckProtocol: oneOfField(['tcp', 'udp', 'http'], 'tcp: servers take connections; http: they answer.'),
  healthCheckMethod: oneOfField(['GET', 'HEAD'], 'How they are asked by HTTP; HEAD where it is left out.'),
  healthCheckURI: textField('What they are asked for by HTTP, as /health.', 80),
  healthCheckHttpCode: textField('Which codes are right, as http_2xx,http_3xx; http_2xx where it is left out.', 80),
  aclStatus: oneOfField(['enable', 'disable'], 'disable; access control lists are not offered.'),
  securityPolicyType: oneOfField(keysOf(tlsPolicies), 'Of https: which versions of TLS are spoken; from 1.2 on.'),
  tcpProxyProtocol: oneOfField(['v1', 'v2', 'disable'], 'Of tcp: whether servers are told who the client is.'),
  httpVersions: T.Optional(T.Array(T.String({ maxLength: 16 }), { maxItems: 4, description: 'Not offered.' })),
  httpCompressAlgos: T.Optional(
    T.Array(T.String({ maxLength: 16 }), { maxItems: 4, description: 'disable; nothing is compressed.' }),
  ),
};

/** Words that ask for what there is not. */
function refuseUnserved(input: {
  aclStatus?: string;
  aclUuids?: readonly string[];
  httpVersions?: readonly string[];
  httpCompressAlgos?: readonly string[];
  httpRedirectHttps?: string;
}): void {
  if (input.aclStatus === 'enable' || input.aclUuids?.length) {
    throw new ZStackError('SYS.1014', 'access control lists are not offered: security groups say who may come');
  }
  if (input.httpVersions?.length) throw new ZStackError('SYS.1014', 'httpVersions is not offered');
  if (input.httpRedirectHttps === 'enable') throw new ZStackError('SYS.1014', 'httpRedirectHttps is not offered');
  if (input.httpCompressAlgos?.some((one) => one !== 'disable')) {
    throw new ZStackError('SYS.1014', 'httpCompressAlgos is not offered: nothing is compressed');
  }
}

/** Shows how the listener is by its system tags, which change with it only. */
function byTags(cloud: Cloud): Alongside {
  return async (tx, { id, projectId, settings }) => {
    const on = { kind: 'system', resourceType: 'load_balancer_listener', resourceId: id, isInherent: true } as const;
    await cloud.tags.renewIn(tx, projectId, on, saysSettings, tagsOf(settings));
  };
}

const createLoadBalancerListener = jobOperation({
  ...listeners,
  id: 'CreateLoadBalancerListener',
  creates: 'load_balancer_listener',
  method: 'POST',
  path: '/load-balancers/{loadBalancerUuid}/listeners',
  params: uuidIn('loadBalancerUuid', 'The load balancer.'),
  body: T.Object({
    name: nameField,
    description: descriptionField,
    loadBalancerPort: port('The port outside.'),
    instancePort: T.Optional(port('The port of the servers; that outside where it is left out.')),
    protocol: oneOfField(['udp', 'tcp', 'http', 'https'], 'tcp where it is left out; udp is not offered.'),
    certificateUuid: uuidField('Of https: the certificate. Nothing is served until it has one.'),
    aclUuids: T.Optional(T.Array(T.String({ maxLength: 64 }), { maxItems: 50, description: 'Not offered.' })),
    aclType: oneOfField(['white', 'black'], 'Not offered.'),
    ...commonWords,
  }),
  result: loadBalancerListener,
  title: 'Create a listener',
  summary:
    'Takes what comes to a port of a load balancer. More is said by system tags: balancerAlgorithm::leastconn, healthCheckTarget::tcp:default, healthCheckInterval::5, healthCheckTimeout::2, healthyThreshold::2, unhealthyThreshold::6, connectionIdleTimeout::60, maxConnection::200000, sessionPersistence::insert.',
  examples: [
    creationExample(
      'HTTP, to the servers with the fewest connections',
      {
        name: listenerExample.name,
        loadBalancerPort: listenerExample.loadBalancerPort,
        instancePort: listenerExample.instancePort,
        protocol: 'http',
        systemTags: ['balancerAlgorithm::leastconn', 'healthCheckInterval::2'],
      },
      freshListener,
      { loadBalancerUuid: balancerExample.uuid },
    ),
  ],
  handle: async ({ cloud, subject, input }) => {
    const { protocol = 'tcp', loadBalancerPort, loadBalancerUuid: loadBalancerId } = input;
    if (protocol === 'udp') throw new ZStackError('SYS.1014', 'the protocol udp is not offered for listeners');
    refuseUnserved(input);
    const settings = settingsOf(usualSettings, protocol, { ...wordsOfTags(input.systemTags), ...input });
    try {
      const wanted = {
        id: input.resourceUuid,
        name: input.name,
        description: input.description,
        loadBalancerId,
        protocol,
        port: loadBalancerPort,
        memberPort: input.instancePort,
        settings,
        certificateId: input.certificateUuid,
      };
      return { uuid: await cloud.loadBalancers.listeners.create(subject, wanted, byTags(cloud)) };
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      const { reason, id } = error.details;
      if (reason === 'port_taken') {
        const words = `conflict loadBalancerPort[${loadBalancerPort}], a listener[uuid:${id}] has used that port`;
        throw invalidArgument(words);
      }
      if (reason === 'port_forwarded') throw invalidArgument(error.message);
      throw error;
    }
  },
});

const seconds = (description: string) => T.Optional(T.Integer({ minimum: 1, maximum: 2_073_600, description }));
const times = (description: string) => T.Optional(T.Integer({ minimum: 1, maximum: 2 ** 31 - 1, description }));

const changeLoadBalancerListener = jobOperation({
  ...listeners,
  id: 'ChangeLoadBalancerListener',
  since: '3.4',
  method: 'PUT',
  path: '/load-balancers/listeners/{uuid}/actions',
  params: uuidIn('uuid', 'The listener.'),
  body: T.Object({
    connectionIdleTimeout: T.Optional(
      T.Integer({
        minimum: 0,
        maximum: 2_073_600,
        description: 'Seconds after which idle connections end; 0 for never.',
      }),
    ),
    maxConnection: T.Optional(
      T.Integer({ minimum: 1, maximum: 10_000_000, description: 'How many connections there may be.' }),
    ),
    balancerAlgorithm: oneOfField(keysOf(algorithms), 'How connections are given to servers.'),
    healthCheckTarget: textField('The port that is checked, default for that of the servers.'),
    healthyThreshold: times('So many good checks make a server be up.'),
    unhealthyThreshold: times('So many bad checks make a server be down.'),
    healthCheckInterval: seconds('Seconds between checks.'),
    nbprocess: T.Optional(T.Integer({ minimum: 1, maximum: 64, description: 'Accepted: two threads serve.' })),
    httpMode: oneOfField(
      [...keysOf(httpModes), 'http-tunnel'],
      'What becomes of a connection after a request; http-tunnel is not offered.',
    ),
    sessionPersistence: oneOfField(
      ['disable', 'iphash', 'insert', 'rewrite'],
      'How clients come to the same server again: not, by their address, by a cookie of the load balancer, or by one of the servers.',
    ),
    sessionIdleTimeout: T.Optional(
      T.Integer({ minimum: 30, maximum: 3600, description: 'Of insert: seconds after which it is forgotten.' }),
    ),
    cookieName: textField('Of rewrite: the name of the cookie.', 20),
    httpRedirectHttps: oneOfField(['disable', 'enable'], 'disable; the other is not offered.'),
    redirectPort: T.Optional(port('Not offered.')),
    statusCode: T.Optional(T.Integer({ minimum: 301, maximum: 308, description: 'Not offered.' })),
    ...commonWords,
  }),
  result: loadBalancerListener,
  title: 'Change how a listener works',
  summary: 'Connections that there are go on as they were.',
  examples: [
    {
      title: 'By the number of connections',
      params: { uuid: listenerExample.uuid },
      body: { changeLoadBalancerListener: { balancerAlgorithm: 'leastconn' } },
      status: 200,
      response: { inventory: listenerExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    refuseUnserved(input);
    const change = (before: typeof usualSettings, protocol: ListenerProtocol) => settingsOf(before, protocol, input);
    await cloud.loadBalancers.listeners.configure(subject, input.uuid, change, byTags(cloud));
    return { uuid: input.uuid };
  },
});

const deleteLoadBalancerListener = jobOperation({
  ...listeners,
  id: 'DeleteLoadBalancerListener',
  method: 'DELETE',
  path: '/load-balancers/listeners/{uuid}',
  params: uuidIn('uuid', 'The listener.'),
  result: loadBalancer,
  title: 'Delete a listener',
  summary: 'With the server group of interfaces that were added to it itself.',
  examples: [
    {
      title: 'Delete',
      params: { uuid: listenerExample.uuid },
      status: 200,
      response: { inventory: { ...balancerExample, listeners: [] }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    requireUuid(uuid);
    return { uuid: await cloud.loadBalancers.listeners.delete(subject, uuid) };
  },
});

export const loadBalancerListenerOperations = [
  createLoadBalancerListener,
  changeLoadBalancerListener,
  deleteLoadBalancerListener,
  change({
    ...listeners,
    id: 'UpdateLoadBalancerListener',
    path: '/load-balancers/listeners/{uuid}',
    result: loadBalancerListener,
    title: 'Change a listener',
    summary: 'Changes its name or description.',
    example: listenerExample,
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await cloud.loadBalancers.listeners.update(subject, uuid, { name, description });
      return undefined;
    },
  }),
  ...queryOperations(loadBalancerListener, {
    id: 'QueryLoadBalancerListener',
    group: listeners.group,
    package: listeners.package,
    path: '/load-balancers/listeners',
    since: '0.6',
    title: 'Query listeners',
    example: listenerExample,
  }),
];
