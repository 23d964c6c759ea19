import { Type as T } from 'typebox';
import type { PortRange } from '../../../cloud/networks/port-forwarding-model.ts';
import { portForwardingRule } from '../inventories/port-forwarding-rule.ts';
import { descriptionField, nameField, textField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { ZStackError } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { nicExample } from './nic-examples.ts';
import { change, creationExample, deletion } from './simple-operations.ts';

const rules = {
  group: 'Port forwarding',
  package: 'network.service.portforwarding',
  since: '0.6',
  allow: 'member',
} as const;
const example = {
  uuid: '18293a4b5c6d4782b9f0011223344556',
  name: 'web',
  vipIp: '203.0.113.17',
  guestIp: nicExample.ip,
  vipUuid: 'f60718293a4b4560a7d8e9f001122334',
  vipPortStart: 8080,
  vipPortEnd: 8080,
  privatePortStart: 80,
  privatePortEnd: 80,
  vmNicUuid: nicExample.uuid,
  protocolType: 'TCP',
  state: 'Enabled',
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};
const { vmNicUuid: _nic, guestIp: _ip, ...freeRule } = example;
const port = (description: string) => T.Integer({ minimum: 1, maximum: 65_535, description });

const create = jobOperation({
  ...rules,
  id: 'CreatePortForwardingRule',
  creates: 'port_forwarding_rule',
  method: 'POST',
  path: '/port-forwarding',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    vipUuid: T.String({ maxLength: 64, description: 'The address outside.' }),
    vipPortStart: port('The first port outside.'),
    vipPortEnd: T.Optional(port('The last port outside; the first one where left out.')),
    privatePortStart: T.Optional(port('The first port inside; that outside where left out.')),
    privatePortEnd: T.Optional(port('The last port inside.')),
    protocolType: T.Unsafe<'TCP' | 'UDP'>({ type: 'string', enum: ['TCP', 'UDP'], description: 'TCP or UDP.' }),
    vmNicUuid: uuidField('The interface that it is for.'),
    allowedCidr: textField('Who may come: everybody, 0.0.0.0/0. Others are kept out by security groups.'),
  }),
  result: portForwardingRule,
  title: 'Create a port forwarding rule',
  summary: 'Lets ports of a VIP stand for as many ports of an interface; a VIP has any number of rules.',
  examples: [
    creationExample(
      'For an interface',
      {
        name: 'web',
        vipUuid: example.vipUuid,
        vipPortStart: 8080,
        privatePortStart: 80,
        protocolType: 'TCP',
        vmNicUuid: nicExample.uuid,
      },
      example,
    ),
  ],
  handle: async ({ cloud, subject, input }) => {
    if (input.allowedCidr && input.allowedCidr !== '0.0.0.0/0') {
      throw new ZStackError('SYS.1014', 'allowedCidr can only be 0.0.0.0/0: security groups say who may come');
    }
    const { vipPortStart: first, vipPortEnd: last = first } = input;
    const { portForwardingRules } = cloud.eips;
    const uuid = await portForwardingRules.create(subject, {
      id: input.resourceUuid,
      name: input.name,
      description: input.description,
      vipId: input.vipUuid,
      protocol: input.protocolType === 'TCP' ? 'tcp' : 'udp',
      external: { first, last },
      internal: insideOf({ first, last }, input.privatePortStart, input.privatePortEnd),
    });
    if (!input.vmNicUuid) return { uuid };
    try {
      await portForwardingRules.attach(subject, uuid, input.vmNicUuid);
    } catch (error) {
      await portForwardingRules.delete(subject, uuid);
      throw error;
    }
    return { uuid };
  },
});

/** As many ports inside as outside, where only the first of them is said. */
function insideOf(outside: PortRange, first: number = outside.first, last?: number): PortRange {
  return { first, last: last ?? first + outside.last - outside.first };
}

const attach = jobOperation({
  ...rules,
  id: 'AttachPortForwardingRule',
  method: 'POST',
  path: '/port-forwarding/{ruleUuid}/vm-instances/nics/{vmNicUuid}',
  params: T.Object({
    ruleUuid: T.String({ maxLength: 64, description: 'The rule.' }),
    vmNicUuid: T.String({ maxLength: 64, description: 'The interface.' }),
  }),
  result: portForwardingRule,
  title: 'Attach a port forwarding rule to an interface',
  summary: 'A router to the public network is made where the interface’s network has none.',
  examples: [creationExample('Attach', {}, example, { ruleUuid: example.uuid, vmNicUuid: nicExample.uuid })],
  handle: async ({ cloud, subject, input: { ruleUuid, vmNicUuid } }) => {
    await cloud.eips.portForwardingRules.attach(subject, ruleUuid, vmNicUuid);
    return { uuid: ruleUuid };
  },
});

const detach = jobOperation({
  ...rules,
  id: 'DetachPortForwardingRule',
  method: 'DELETE',
  path: '/port-forwarding/{uuid}/vm-instances/nics',
  params: uuidIn('uuid', 'The rule.'),
  result: portForwardingRule,
  title: 'Detach a port forwarding rule from its interface',
  summary: 'The ports stay the rule’s.',
  examples: [
    {
      title: 'Detach',
      params: { uuid: example.uuid },
      status: 200,
      response: { inventory: freeRule, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await cloud.eips.portForwardingRules.detach(subject, uuid);
    return { uuid };
  },
});

export const portForwardingRuleOperations = [
  create,
  attach,
  detach,
  change({
    ...rules,
    id: 'UpdatePortForwardingRule',
    path: '/port-forwarding/{uuid}/actions',
    result: portForwardingRule,
    title: 'Change a port forwarding rule',
    summary: 'Changes its name or description.',
    example,
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await cloud.eips.portForwardingRules.update(subject, uuid, { name, description });
      return undefined;
    },
  }),
  deletion({
    ...rules,
    id: 'DeletePortForwardingRule',
    path: '/port-forwarding/{uuid}',
    title: 'Delete a port forwarding rule',
    summary: 'The VIP stays.',
    example,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.eips.portForwardingRules.delete(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(portForwardingRule, {
    id: 'QueryPortForwardingRule',
    group: rules.group,
    package: rules.package,
    path: '/port-forwarding',
    since: '0.6',
    title: 'Query port forwarding rules',
    example,
  }),
];
