import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { AssignmentFilters } from '../../../cloud/identity/assignments.ts';
import { type Assignment, type AssignmentTarget, adminAccountId } from '../../../cloud/identity/model.ts';
import { operator } from '../../../cloud/identity/subject.ts';
import { queryFlag } from '../common/query.ts';
import { list } from './answers.ts';
import { AssignmentView, listDocument } from './schemas.ts';
import { assignmentView, type Names } from './views.ts';

const Filter = Type.Optional(Type.String());
const Query = Type.Object({
  'user.id': Filter,
  'role.id': Filter,
  'group.id': Filter,
  'scope.project.id': Filter,
  'scope.domain.id': Filter,
  'scope.system': Filter,
  'scope.OS-INHERIT:inherited_to': Filter,
  include_subtree: Filter,
  effective: Filter,
  include_names: Filter,
});

type Filters = Record<string, string | undefined>;

export const assignmentOperations = [
  operation({
    id: 'ListRoleAssignments',
    dialect: 'identity',
    group: 'role assignments',
    method: 'GET',
    path: '/v3/role_assignments',
    mode: 'sync',
    allow: 'authenticated',
    query: Query,
    responses: { 200: listDocument('role_assignments', AssignmentView) },
    errors: [401, 403],
    title: 'List role assignments',
    summary:
      'Lists who has which role where: their own, or as an administrator all. With `effective` also implied roles, ' +
      'with `include_names` names beside the ids.',
    examples: [{ title: 'With names', query: { 'user.id': adminAccountId, include_names: 'true' }, status: 200 }],
    handle: async (call) => {
      const query = call.query as Filters;
      const filters = {
        userId: query['user.id'],
        groupId: query['group.id'],
        roleId: query['role.id'],
        target: targetOf(query),
        isInherited: query['scope.OS-INHERIT:inherited_to'] === undefined ? undefined : true,
      };
      const isEffective = queryFlag(query['effective']);
      if (isEffective && filters.groupId !== undefined) {
        throw new CloudError(
          'invalid',
          'Effective assignments are those of users: they can not be asked for by group.',
        );
      }
      const { assignments } = call.cloud.identity;
      const found = await assignments.list(call.subject, filters, isEffective);
      const below = queryFlag(query['include_subtree']) ? await belowProject(call, filters, isEffective) : [];
      const names = queryFlag(query['include_names']) ? await namesOf(call.cloud) : undefined;
      return list(call, 'role_assignments', [...found, ...below], (base, one) => assignmentView(base, one, names));
    },
  }),
];

/** What was given on the projects below the one that was asked for: of a domain, as Keystone counts it as one, on all of its. */
async function belowProject(call: Call, filters: AssignmentFilters, isEffective: boolean): Promise<Assignment[]> {
  const { target } = filters;
  if (target?.kind !== 'project') throw new CloudError('invalid', 'include_subtree needs scope.project.id.');
  const { projects, assignments } = call.cloud.identity;
  const below = [...(await projects.below(target.id)), ...(await projects.list({ domainId: target.id }))];
  if (below.length === 0) return [];
  const ids = new Set(below.map(({ id }) => id));
  const all = await assignments.list(call.subject, { ...filters, target: undefined }, isEffective);
  return all.filter((one) => one.target.kind === 'project' && ids.has(one.target.id));
}

function targetOf(query: Filters): AssignmentTarget | undefined {
  const project = query['scope.project.id'];
  if (project !== undefined) return { kind: 'project', id: project };
  const domain = query['scope.domain.id'];
  if (domain !== undefined) return { kind: 'domain', id: domain };
  return queryFlag(query['scope.system']) ? { kind: 'system' } : undefined;
}

/** The names of what one may see the assignments of are no secret. */
async function namesOf({ identity }: Call['cloud']): Promise<Names> {
  const [users, groups, projects, domains, roles] = await Promise.all([
    identity.users.list(operator()),
    identity.groups.all(),
    identity.projects.list(),
    identity.domains.list(),
    identity.roles.all(),
  ]);
  return {
    users: byId(users),
    groups: byId(groups),
    projects: byId(projects),
    domains: byId(domains),
    roles: byId(roles),
  };
}

function byId<Item extends { id: string }>(items: readonly Item[]): Map<string, Item> {
  return new Map(items.map((item) => [item.id, item]));
}
