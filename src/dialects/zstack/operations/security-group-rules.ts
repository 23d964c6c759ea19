import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { RuleSet } from '../../../cloud/security-rule-sets/rule-sets.ts';
import { securityGroup, securityGroupRule } from '../inventories/security-group.ts';
import { textField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { resourceNotFound } from '../protocol/zstack-error.ts';
import { readInventory } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';
import { ruleSetOf, type WrittenRule } from './rule-words.ts';
import { groupExample, ruleExample } from './security-group-examples.ts';
import { groupNamed } from './security-groups.ts';
import { deletion } from './simple-operations.ts';

const group = 'Security Group';
const shared = { group, package: 'network.securitygroup', since: '0.6', allow: 'member' } as const;
const port = (description: string) => T.Optional(T.Integer({ minimum: -1, maximum: 65535, description }));
const ruleFields = {
  protocol: textField('ALL, TCP, UDP or ICMP.'),
  startPort: port('The first port; -1 for any.'),
  endPort: port('The last port; -1 for any.'),
  dstPortRange: textField('Ports, as 22,80-90, instead of the two.', 1024),
  allowedCidr: textField('The network that is let through, in CIDR notation.'),
  srcIpRange: textField('Networks, addresses or ranges that incoming traffic may come from.', 1024),
  dstIpRange: textField('Networks, addresses or ranges that outgoing traffic may go to.', 1024),
  remoteSecurityGroupUuid: uuidField('The group whose members are let through.'),
  ipVersion: T.Optional(T.Integer({ minimum: 4, maximum: 6, description: '4 or 6.' })),
  state: textField('Enabled, the only one offered.'),
  action: textField('ACCEPT, the only one offered.'),
  description: textField('The description.', 2048),
};
const priority = T.Optional(
  T.Integer({ minimum: -1, maximum: 1000, description: 'Its place among the rules, from 1.' }),
);

const addSecurityGroupRule = jobOperation({
  ...shared,
  id: 'AddSecurityGroupRule',
  method: 'POST',
  path: '/security-groups/{securityGroupUuid}/rules',
  params: uuidIn('securityGroupUuid', 'The security group.'),
  body: T.Object({
    rules: T.Array(T.Object({ type: textField('Ingress or Egress.'), ...ruleFields }), { minItems: 1, maxItems: 100 }),
    remoteSecurityGroupUuids: T.Optional(
      T.Array(T.String({ maxLength: 64 }), {
        maxItems: 20,
        description: 'The rules are made for each of these groups.',
      }),
    ),
    priority,
  }),
  result: securityGroup,
  title: 'Add rules to a security group',
  summary: 'Lets traffic through. All of the rules are made or none; guests have them at once.',
  examples: [
    {
      title: 'SSH from anywhere',
      params: { securityGroupUuid: groupExample.uuid },
      body: {
        params: { rules: [{ type: 'Ingress', protocol: 'TCP', startPort: 22, endPort: 22, allowedCidr: '0.0.0.0/0' }] },
      },
      status: 200,
      response: { inventory: groupExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { securityGroupUuid, rules, remoteSecurityGroupUuids = [] } = input;
    await groupNamed(cloud, subject, 'securityGroupUuid', securityGroupUuid);
    const peers = remoteSecurityGroupUuids.length > 0 ? remoteSecurityGroupUuids : [undefined];
    const sets = (rules as WrittenRule[]).flatMap((rule) =>
      peers.map((peer) => ruleSetOf(peer === undefined ? rule : { ...rule, remoteSecurityGroupUuid: peer })),
    );
    for (const set of sets) await requirePeer(cloud, subject, set);
    const place = input.priority !== undefined && input.priority > 0 ? input.priority : undefined;
    await cloud.securityRuleSets.add(subject, securityGroupUuid, sets, place);
    return { uuid: securityGroupUuid };
  },
});

/** Throws for a group that nobody has, or that stands for having none: its members are in no group to the dialect. */
async function requirePeer(cloud: Cloud, subject: Subject, { remoteGroupId }: RuleSet): Promise<void> {
  if (remoteGroupId !== undefined) await groupNamed(cloud, subject, 'remoteSecurityGroupUuid', remoteGroupId);
}

const changeSecurityGroupRule = jobOperation({
  ...shared,
  id: 'ChangeSecurityGroupRule',
  method: 'PUT',
  path: '/security-groups/rules/{uuid}/actions',
  params: uuidIn('uuid', 'The rule.'),
  body: T.Object({ ...ruleFields, priority }),
  response: T.Object({ inventory: T.Unknown(), success: T.Boolean() }),
  title: 'Change a security group rule',
  summary: 'Puts another rule in its place; what is not said stays. The rule gets a new uuid.',
  examples: [
    {
      title: 'Another port',
      params: { uuid: ruleExample.uuid },
      body: { changeSecurityGroupRule: { dstPortRange: '2222' } },
      status: 200,
      response: { inventory: { ...ruleExample, dstPortRange: '2222' }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, priority: wanted, systemTags, userTags, ...changes } }) => {
    const known = await ruleNamed(cloud, subject, uuid);
    const { startPort, endPort, allowedCidr, ...rest } = known;
    const said = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    // Of two ways to say the same thing, the one that was used now counts.
    const dropPorts =
      said['startPort'] !== undefined || said['endPort'] !== undefined ? { dstPortRange: undefined } : {};
    const set = ruleSetOf({ ...(rest as WrittenRule), ...dropPorts, ...said });
    const place = wanted !== undefined && wanted > 0 ? wanted : Number(known['priority']) || undefined;
    const groupUuid = String(known['securityGroupUuid']);
    await requirePeer(cloud, subject, set);
    const made = await cloud.securityRuleSets.replace(subject, uuid, groupUuid, set, place);
    return { body: { inventory: await readInventory(cloud, securityGroupRule, made), success: true } };
  },
});

async function ruleNamed(cloud: Cloud, subject: Subject, uuid: string): Promise<Record<string, unknown>> {
  const members = await cloud.securityRuleSets.members(subject, uuid);
  const inventory = members.length > 0 && (await readInventory(cloud, securityGroupRule, uuid));
  if (!inventory) throw resourceNotFound('uuid', uuid, 'SecurityGroupRuleVO');
  return inventory;
}

const deleteSecurityGroupRule = jobOperation({
  ...shared,
  id: 'DeleteSecurityGroupRule',
  method: 'DELETE',
  path: '/security-groups/rules',
  query: T.Object({ ruleUuids: T.Array(T.String({ maxLength: 64 }), { maxItems: 100, description: 'The rules.' }) }),
  result: securityGroup,
  title: 'Delete security group rules',
  summary: 'What they let through is dropped from then on. Rules that are not there are deleted already.',
  examples: [{ title: 'One', query: { ruleUuids: ruleExample.uuid }, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { ruleUuids } }) => {
    let groupUuid: string | undefined;
    for (const uuid of ruleUuids) {
      const found = await ruleNamed(cloud, subject, uuid).catch(() => undefined);
      if (!found) continue;
      groupUuid ??= String(found['securityGroupUuid']);
      await cloud.securityRuleSets.delete(subject, uuid);
    }
    return groupUuid === undefined ? {} : { uuid: groupUuid };
  },
});

export const securityGroupRuleOperations = [
  addSecurityGroupRule,
  changeSecurityGroupRule,
  deleteSecurityGroupRule,
  deletion({
    ...shared,
    id: 'DeleteSecurityGroupRuleByUuid',
    path: '/security-groups/rules/{uuid}',
    title: 'Delete a security group rule',
    summary: 'As DeleteSecurityGroupRule, for one rule: some SDKs ask this way.',
    example: ruleExample,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.securityRuleSets.delete(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(securityGroupRule, {
    id: 'QuerySecurityGroupRule',
    group,
    package: 'network.securitygroup',
    path: '/security-groups/rules',
    since: '0.6',
    title: 'Query security group rules',
    example: ruleExample,
  }),
];
