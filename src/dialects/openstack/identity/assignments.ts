import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { type AssignmentTarget, adminAccountId } from '../../../cloud/identity/model.ts';
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
      const filters = { userId: query['user.id'], roleId: query['role.id'], target: targetOf(query) };
      const { assignments } = call.cloud.identity;
      // Nothing is given to groups here.
      const found = query['group.id']
        ? []
        : await assignments.list(call.subject, filters, queryFlag(query['effective']));
      const names = queryFlag(query['include_names']) ? await namesOf(call.cloud) : undefined;
      return list(call, 'role_assignments', found, (base, one) => assignmentView(base, one, names));
    },
  }),
];

function targetOf(query: Filters): AssignmentTarget | undefined {
  const project = query['scope.project.id'];
  if (project !== undefined) return { kind: 'project', id: project };
  const domain = query['scope.domain.id'];
  if (domain !== undefined) return { kind: 'domain', id: domain };
  return queryFlag(query['scope.system']) ? { kind: 'system' } : undefined;
}

/** The names of what one may see the assignments of are no secret. */
async function namesOf({ identity }: Call['cloud']): Promise<Names> {
  const [users, projects, domains, roles] = await Promise.all([
    identity.users.list(operator()),
    identity.projects.list(),
    identity.domains.list(),
    identity.roles.list(),
  ]);
  return { users: byId(users), projects: byId(projects), domains: byId(domains), roles: byId(roles) };
}

function byId<Item extends { id: string }>(items: readonly Item[]): Map<string, Item> {
  return new Map(items.map((item) => [item.id, item]));
}
