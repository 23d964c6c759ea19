import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import type { ServerGroup } from '../../../cloud/servers/groups.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { queryBoolean } from '../common/query.ts';
import { invalidField, knownMembers, minorOf } from './microversions.ts';
import { closed, integerOf, NumberOrText } from './wire.ts';

const common = { dialect: 'compute', group: 'server groups', since: '2.1', mode: 'sync' } as const;
const Params = Type.Object({ server_group_id: Type.String() });
const exampleGroup = { server_group_id: '616fb98f-46ca-475e-917e-2563e5a8cd19' };
const Group = Type.Object({
  id: Type.String(),
  name: Type.String(),
  policies: Type.Optional(Type.Array(Type.String())),
  policy: Type.Optional(Type.String({ description: 'From 2.64 on.' })),
  rules: Type.Optional(Type.Object({ max_server_per_host: Type.Optional(Type.Integer()) })),
  members: Type.Array(Type.String(), { description: 'Ids of its servers.' }),
  metadata: Type.Optional(Type.Object({})),
  project_id: Type.Optional(Type.String()),
  user_id: Type.Optional(Type.String()),
});
export const ServerGroupDocument = Type.Object({ server_group: Group });

function rulesOf({ maxPerHost }: ServerGroup): { max_server_per_host?: number } {
  return maxPerHost === null ? {} : { max_server_per_host: maxPerHost };
}

export function serverGroupView(group: ServerGroup, context: Call['context']) {
  const minor = minorOf(context);
  const owner = minor >= 13 ? { project_id: group.projectId, user_id: group.userId } : {};
  return {
    id: withDashes(group.id),
    name: group.name,
    ...(minor >= 64 ? { policy: group.policy, rules: rulesOf(group) } : { policies: [group.policy], metadata: {} }),
    members: group.memberIds.map(withDashes),
    ...owner,
  };
}

function idOf({ params }: Pick<Call<{ server_group_id: string }>, 'params'>): string {
  const given = params.server_group_id;
  const id = parseId(given);
  if (id === undefined) throw notFound('server_group', given, `Instance group ${given} could not be found.`);
  return id;
}

type Policy = ServerGroup['policy'];

/** One policy, which was a list of one up to 2.63. */
function policyOf(context: Call['context'], group: { policies?: Policy[]; policy?: Policy; rules?: object }): Policy {
  const { policies, policy } = knownMembers(context, 'server_group', group, {
    policies: [1, 63],
    policy: [64],
    rules: [64],
  });
  const found = policy ?? policies?.[0];
  if (found) return found;
  const name = minorOf(context) >= 64 ? 'policy' : 'policies';
  throw invalidField('server_group', group, `'${name}' is a required property`);
}

const Policy = Type.Union([
  Type.Literal('affinity'),
  Type.Literal('anti-affinity'),
  Type.Literal('soft-affinity', { description: 'From 2.15 on.' }),
  Type.Literal('soft-anti-affinity', { description: 'From 2.15 on.' }),
]);

/** Groups of servers that are to be together on a host, or apart. */
export const serverGroupOperations = [
  operation({
    ...common,
    id: 'ListServerGroups',
    method: 'GET',
    path: '/os-server-groups',
    allow: 'reader',
    query: Type.Object({
      all_projects: Type.Optional(Type.String({ description: "Other projects' as well, for administrators." })),
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
      offset: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
    responses: { 200: Type.Object({ server_groups: Type.Array(Group) }) },
    errors: [400, 401, 403],
    title: 'List server groups',
    summary: "Lists the project's server groups, the oldest first.",
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud, subject, query, context }) {
      const allProjects = query.all_projects !== undefined && queryBoolean(query.all_projects) !== false;
      const all = await cloud.servers.groups.list(subject, { allProjects });
      const { offset = 0, limit = 1000 } = query;
      const page = all.slice(offset, offset + Math.min(limit, 1000));
      return { body: { server_groups: page.map((group) => serverGroupView(group, context)) } };
    },
  }),
  operation({
    ...common,
    id: 'CreateServerGroup',
    method: 'POST',
    path: '/os-server-groups',
    allow: 'member',
    body: closed({
      server_group: closed({
        name: Type.String({ minLength: 1, maxLength: 255 }),
        policies: Type.Optional(Type.Array(Policy, { minItems: 1, maxItems: 1, description: 'Up to 2.63.' })),
        policy: Type.Optional(Policy),
        rules: Type.Optional(
          closed({
            max_server_per_host: Type.Optional(
              Type.Unsafe<number | string>({
                ...NumberOrText,
                description: 'Of `anti-affinity`: how many of the group may be on one host, 1 or more. From 2.64 on.',
              }),
            ),
          }),
        ),
      }),
    }),
    responses: { 200: ServerGroupDocument },
    errors: [400, 401, 403],
    title: 'Create a server group',
    summary:
      'Servers made with the scheduler hint `group` are placed by its policy: together on one host, or each on another ' +
      'one. The soft policies do so as far as there is room.',
    examples: [
      {
        title: 'Servers that are not to fail together',
        body: { server_group: { name: 'replicas', policies: ['anti-affinity'] } },
        status: 200,
      },
    ],
    async handle({ cloud, subject, body, context }) {
      const { name, rules } = body.server_group;
      const policy = policyOf(context, body.server_group);
      if (policy.startsWith('soft-') && minorOf(context) < 15) {
        throw invalidField('policy', policy, `'${policy}' is not one of ['anti-affinity', 'affinity']`);
      }
      const most = rules?.max_server_per_host;
      const maxPerHost = most === undefined ? undefined : integerOf('max_server_per_host', most, 1);
      const group = await cloud.servers.groups.create(subject, { name, policy, maxPerHost });
      return { body: { server_group: serverGroupView(group, context) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowServerGroup',
    method: 'GET',
    path: '/os-server-groups/{server_group_id}',
    allow: 'reader',
    params: Params,
    responses: { 200: ServerGroupDocument },
    errors: [401, 403, 404],
    title: 'Show a server group',
    summary: 'Shows a server group and the servers in it.',
    examples: [{ title: 'By id', params: exampleGroup, status: 200 }],
    async handle(call) {
      const group = await call.cloud.servers.groups.get(call.subject, idOf(call));
      return { body: { server_group: serverGroupView(group, call.context) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteServerGroup',
    method: 'DELETE',
    path: '/os-server-groups/{server_group_id}',
    allow: 'member',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a server group',
    summary: 'Deletes a server group. Its servers stay where they are.',
    examples: [{ title: 'By id', params: exampleGroup, status: 204 }],
    async handle(call) {
      await call.cloud.servers.groups.delete(call.subject, idOf(call));
      return {};
    },
  }),
];
