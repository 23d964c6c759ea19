import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { loadBalancer } from '../inventories/load-balancer.ts';
import { descriptionField, nameField, oneOfField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument, resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { balancerExample } from './load-balancer-examples.ts';
import { change, creationExample, deletion } from './simple-operations.ts';

const balancers = { group: 'Load balancer', package: 'network.service.lb', since: '0.6', allow: 'member' } as const;

const createLoadBalancer = jobOperation({
  ...balancers,
  id: 'CreateLoadBalancer',
  creates: 'load_balancer',
  method: 'POST',
  path: '/load-balancers',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    vipUuid: uuidField('The address outside, of IPv4.'),
    ipv6VipUuid: uuidField('Not offered.'),
    type: oneOfField(['Shared', 'SLB'], 'Shared: routers serve it. SLB is not offered.'),
  }),
  result: loadBalancer,
  title: 'Create a load balancer',
  summary: 'Uses a VIP for several servers: listeners and server groups say which of its ports are for whom.',
  examples: [creationExample('On a VIP', { name: 'shop', vipUuid: balancerExample.vipUuid }, balancerExample)],
  handle: async ({ cloud, subject, input }) => {
    const { name, description, vipUuid, ipv6VipUuid, type, resourceUuid: id } = input;
    if (type === 'SLB') throw new ZStackError('SYS.1014', 'type can only be Shared: routers serve load balancers');
    if (ipv6VipUuid) throw new ZStackError('SYS.1014', 'ipv6VipUuid is not offered: VIPs are addresses of IPv4');
    if (!vipUuid) {
      throw invalidArgument('could not create loadbalancer, because param of vip and ipv6 vip is empty');
    }
    try {
      return { uuid: await cloud.loadBalancers.create(subject, { id, name, description, floatingIpId: vipUuid }) };
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      if (error.code === 'not_found') throw resourceNotFound('vipUuid', vipUuid, 'VipVO');
      if (error.details.reason === 'vip_in_use') throw invalidArgument(error.message);
      throw error;
    }
  },
});

const refreshLoadBalancer = jobOperation({
  ...balancers,
  id: 'RefreshLoadBalancer',
  method: 'PUT',
  path: '/load-balancers/{uuid}/actions',
  params: uuidIn('uuid', 'The load balancer.'),
  result: loadBalancer,
  title: 'Refresh a load balancer',
  summary: 'Has its host look at once whether it is served as it should be; it does so every half minute.',
  examples: [
    {
      title: 'Refresh',
      params: { uuid: balancerExample.uuid },
      body: { refreshLoadBalancer: {} },
      status: 200,
      response: { inventory: balancerExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await cloud.loadBalancers.refresh(subject, uuid);
    return { uuid };
  },
});

export const loadBalancerOperations = [
  createLoadBalancer,
  refreshLoadBalancer,
  change({
    ...balancers,
    id: 'UpdateLoadBalancer',
    path: '/load-balancers/{uuid}/actions',
    result: loadBalancer,
    title: 'Change a load balancer',
    summary: 'Changes its name or description.',
    example: balancerExample,
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await cloud.loadBalancers.update(subject, uuid, { name, description });
      return undefined;
    },
  }),
  deletion({
    ...balancers,
    id: 'DeleteLoadBalancer',
    path: '/load-balancers/{uuid}',
    title: 'Delete a load balancer',
    summary: 'With its listeners and server groups. The VIP stays.',
    example: balancerExample,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.loadBalancers.delete(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(loadBalancer, {
    id: 'QueryLoadBalancer',
    group: balancers.group,
    package: balancers.package,
    path: '/load-balancers',
    since: '0.6',
    title: 'Query load balancers',
    example: balancerExample,
  }),
];
