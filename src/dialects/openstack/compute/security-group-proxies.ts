import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import type { SecurityGroup } from '../../../cloud/networks/model.ts';
import { parseId } from '../../../env/env.ts';
import { until } from './microversions.ts';
import { groupView, ruleView, SecurityGroupRuleSchema, SecurityGroupSchema } from './security-groups-view.ts';
import { integerOf, lastOf, queryText, TextOrNull } from './wire.ts';

const common = { dialect: 'compute', group: 'network proxies', since: '2.1', mode: 'sync' } as const;
const Params = Type.Object({ security_group_id: Type.String() });
const exampleGroup = { security_group_id: 'a7734e61-b545-452d-a3cd-0189cbd9747a' };
const GroupDocument = Type.Object({ security_group: SecurityGroupSchema });
const GroupBody = Type.Object({
  security_group: Type.Object({
    name: Type.String({ minLength: 1, maxLength: 255 }),
    description: Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: 255 })),
  }),
});
const NumberOrTextOrNull = Type.Unsafe<number | string | null>({ type: ['integer', 'string', 'null'] });

type Asked = Pick<Call, 'cloud' | 'subject'>;

function groupIdOf(text: string): string {
  const id = parseId(text);
  if (id) return id;
  throw new CloudError('invalid', `Security group id should be uuid, not ${text}`, { field: 'id' });
}

async function shown({ cloud, subject }: Asked, groups: readonly SecurityGroup[]) {
  const named = new Set(groups.flatMap(({ rules }) => rules.flatMap(({ remoteGroupId }) => remoteGroupId ?? [])));
  const filters = { id: [...named] };
  const remotes = named.size === 0 ? [] : await cloud.networks.securityGroups.list(subject, { filters });
  const byId = new Map(remotes.map((group) => [group.id, group]));
  return groups.map((group) => groupView(group, byId));
}

async function own(call: Asked, text: string): Promise<SecurityGroup> {
  return await call.cloud.networks.securityGroups.get(call.subject, groupIdOf(text));
}

/** Nova calls what the network refuses a bad request. */
function asBadRequest(error: unknown): never {
  if (!(error instanceof CloudError) || (error.code !== 'conflict' && error.code !== 'duplicate')) throw error;
  throw new CloudError('invalid', error.message, { ...error.details, cause: error });
}

/** Nova takes no notice of what else is said of groups and rules. */
const NewRule = Type.Object({
  parent_group_id: Type.Unsafe<string | number>({ type: ['string', 'integer'] }),
  ip_protocol: Type.Optional(TextOrNull),
  from_port: Type.Optional(NumberOrTextOrNull),
  to_port: Type.Optional(NumberOrTextOrNull),
  cidr: Type.Optional(TextOrNull),
  group_id: Type.Optional(TextOrNull),
});

function portOf(field: string, value: number | string | null | undefined): number | null {
  return value === null || value === undefined ? null : integerOf(field, value, -1);
}

/** Security groups, which Nova passed on to the network service up to 2.35. */
export const securityGroupProxies = [
  operation({
    ...common,
    id: 'ListSecurityGroups',
    method: 'GET',
    path: '/os-security-groups',
    allow: 'reader',
    query: Type.Object({ all_tenants: queryText("Other projects' as well, for administrators.") }),
    responses: { 200: Type.Object({ security_groups: Type.Array(SecurityGroupSchema) }) },
    errors: [401, 403],
    title: 'List security groups',
    summary: "The project's security groups. Up to 2.35; the network API tells more.",
    examples: [{ title: 'All', status: 200 }],
    async handle(call) {
      const { cloud, subject, query } = call;
      const isForAll = subject.isAdmin && lastOf(query.all_tenants) !== undefined;
      const filters = isForAll ? {} : { projectId: [subject.projectId!] };
      const groups = await cloud.networks.securityGroups.list(subject, { filters });
      return { body: { security_groups: await shown(call, groups) } };
    },
  }),
  operation({
    ...common,
    id: 'CreateSecurityGroup',
    method: 'POST',
    path: '/os-security-groups',
    allow: 'member',
    body: GroupBody,
    responses: { 200: GroupDocument },
    errors: [400, 401, 403],
    title: 'Create a security group',
    summary: 'Up to 2.35.',
    examples: [{ title: 'Empty', body: { security_group: { name: 'web', description: 'Web servers' } }, status: 200 }],
    async handle(call) {
      const { name, description } = call.body.security_group;
      const wanted = [{ name, description: description ?? '' }];
      const made = await call.cloud.networks.securityGroups.create(call.subject, wanted);
      return { body: { security_group: (await shown(call, made))[0]! } };
    },
  }),
  operation({
    ...common,
    id: 'ShowSecurityGroup',
    method: 'GET',
    path: '/os-security-groups/{security_group_id}',
    allow: 'reader',
    params: Params,
    responses: { 200: GroupDocument },
    errors: [400, 401, 403, 404],
    title: 'Show a security group',
    summary: 'Up to 2.35.',
    examples: [{ title: 'By id', params: exampleGroup, status: 200 }],
    async handle(call) {
      const group = await own(call, call.params.security_group_id);
      return { body: { security_group: (await shown(call, [group]))[0]! } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateSecurityGroup',
    method: 'PUT',
    path: '/os-security-groups/{security_group_id}',
    allow: 'member',
    params: Params,
    body: GroupBody,
    responses: { 200: GroupDocument },
    errors: [400, 401, 403, 404],
    title: 'Update a security group',
    summary: 'Changes its name and its description. Up to 2.35.',
    examples: [{ title: 'A new name', params: exampleGroup, body: { security_group: { name: 'www' } }, status: 200 }],
    async handle(call) {
      const { name, description } = call.body.security_group;
      const { id } = await own(call, call.params.security_group_id);
      const changes = { name, description: description ?? '' };
      const changed = await call.cloud.networks.securityGroups.update(call.subject, id, changes).catch(asBadRequest);
      return { body: { security_group: (await shown(call, [changed]))[0]! } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteSecurityGroup',
    method: 'DELETE',
    path: '/os-security-groups/{security_group_id}',
    allow: 'member',
    params: Params,
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Delete a security group',
    summary: 'One that no server has. Up to 2.35.',
    examples: [{ title: 'By id', params: exampleGroup, status: 202 }],
    async handle(call) {
      const id = groupIdOf(call.params.security_group_id);
      await call.cloud.networks.securityGroups.delete(call.subject, id).catch(asBadRequest);
      return {};
    },
  }),
  operation({
    ...common,
    id: 'CreateSecurityGroupRule',
    method: 'POST',
    path: '/os-security-group-rules',
    allow: 'member',
    body: Type.Object({ security_group_rule: NewRule }),
    responses: { 200: Type.Object({ security_group_rule: SecurityGroupRuleSchema }) },
    errors: [400, 401, 403, 404, 409],
    title: 'Create a security group rule',
    summary: 'Lets something in: from addresses, or from the servers of a group. Up to 2.35.',
    examples: [
      {
        title: 'SSH from everywhere',
        body: {
          security_group_rule: {
            parent_group_id: exampleGroup.security_group_id,
            ip_protocol: 'tcp',
            from_port: 22,
            to_port: 22,
            cidr: '0.0.0.0/0',
          },
        },
        status: 200,
      },
    ],
    async handle(call) {
      const { cloud, subject } = call;
      const wanted = call.body.security_group_rule;
      const group = await own(call, String(wanted.parent_group_id));
      const remote = wanted.group_id ? await own(call, wanted.group_id) : undefined;
      const everywhere = remote ? null : '0.0.0.0/0';
      const cidr = remote ? null : (wanted.cidr ?? everywhere);
      const isIcmp = wanted.ip_protocol?.toLowerCase() === 'icmp';
      const [from, to] = [portOf('from_port', wanted.from_port), portOf('to_port', wanted.to_port)];
      const wantedRules = [
        {
          securityGroupId: group.id,
          direction: 'ingress' as const,
          ethertype: cidr?.includes(':') ? ('IPv6' as const) : ('IPv4' as const),
          protocol: wanted.ip_protocol?.toLowerCase() ?? null,
          // -1 is Nova's word for any type or code of ICMP.
          portRangeMin: isIcmp && from === -1 ? null : from,
          portRangeMax: isIcmp && to === -1 ? null : to,
          remoteIpPrefix: cidr,
          remoteGroupId: remote?.id ?? null,
        },
      ];
      const [rule] = await cloud.networks.securityGroupRules.create(subject, wantedRules).catch(asBadRequest);
      return { body: { security_group_rule: ruleView(rule!, group, remote) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteSecurityGroupRule',
    method: 'DELETE',
    path: '/os-security-group-rules/{rule_id}',
    allow: 'member',
    params: Type.Object({ rule_id: Type.String() }),
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Delete a security group rule',
    summary: 'Up to 2.35.',
    examples: [
      { title: 'One that is not there', params: { rule_id: '17dfab32-9ca5-4e8d-b2f7-1e1d1e3c3b1c' }, status: 404 },
    ],
    async handle(call) {
      const { rule_id } = call.params;
      const id = parseId(rule_id);
      if (!id) throw notFound('security_group_rule', rule_id, `Security group rule ${rule_id} not found.`);
      await call.cloud.networks.securityGroupRules.delete(call.subject, id);
      return {};
    },
  }),
].map((one) => until(35, one));
