import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import {
  type AssignmentTarget,
  adminAccountId,
  builtInRoleIds,
  defaultDomainId,
} from '../../../cloud/identity/model.ts';
import { list } from './answers.ts';
import { Id, listDocument, RoleView } from './schemas.ts';
import { roleView } from './views.ts';

type Params = { user_id?: string; group_id?: string; role_id: string; project_id?: string; domain_id?: string };

/** A place where roles can be given: how its path begins, and what its parameters are. */
interface Place {
  name: 'Project' | 'Domain' | 'System';
  path: string;
  params: Record<string, typeof Id>;
  example: Record<string, string>;
  target(params: Partial<Params>): AssignmentTarget;
}

const places: Place[] = [
  {
    name: 'Project',
    path: '/v3/projects/{project_id}',
    params: { project_id: Id },
    example: { project_id: adminAccountId },
    target: (params) => ({ kind: 'project', id: params.project_id! }),
  },
  {
    name: 'Domain',
    path: '/v3/domains/{domain_id}',
    params: { domain_id: Id },
    example: { domain_id: defaultDomainId },
    target: (params) => ({ kind: 'domain', id: params.domain_id! }),
  },
  { name: 'System', path: '/v3/system', params: {}, example: {}, target: () => ({ kind: 'system' }) },
];

/** Who can be given a role. */
interface Actor {
  name: 'User' | 'Group';
  path: string;
  param: 'user_id' | 'group_id';
  exampleId: string;
}

const actors: Actor[] = [
  { name: 'User', path: '/users/{user_id}', param: 'user_id', exampleId: adminAccountId },
  { name: 'Group', path: '/groups/{group_id}', param: 'group_id', exampleId: 'a5b7c92d4c1b5a7e9f2483b8c6d0e1f3' },
];

export const grantOperations = places.flatMap((place) =>
  actors.flatMap((actor) => [
    ...grantsAt(place, actor, false),
    // The system has no projects that could inherit from it.
    ...(place.name === 'System' ? [] : grantsAt(place, actor, true)),
  ]),
);

function grantsAt({ name, path, params, example, target }: Place, actor: Actor, isInherited: boolean) {
  const place = name === 'System' ? 'the system' : `a ${name.toLowerCase()}`;
  const where = isInherited ? `the projects below ${place}` : place;
  const who = actor.name.toLowerCase();
  const start = isInherited ? path.replace('/v3/', '/v3/OS-INHERIT/') : path;
  const end = isInherited ? '/inherited_to_projects' : '';
  const url = `${start}${actor.path}/roles/{role_id}${end}`;
  const suffix = `${actor.name}On${name}${isInherited ? 'Inherited' : ''}`;
  const GrantParams = Type.Object({ ...params, [actor.param]: Id, role_id: Id });
  const listExample = { ...example, [actor.param]: actor.exampleId };
  const grantExample = { ...listExample, role_id: builtInRoleIds.admin };
  const common = { dialect: 'identity', group: 'role assignments', mode: 'sync' } as const;
  const assignment = (given: object) => {
    const { user_id, group_id, role_id, ...rest } = given as Params;
    return { userId: user_id, groupId: group_id, roleId: role_id, target: target(rest), isInherited };
  };
  return [
    operation({
      ...common,
      id: `ListRolesOf${suffix}`,
      method: 'GET',
      path: `${start}${actor.path}/roles${end}`,
      allow: name === 'System' ? 'systemReader' : 'domainReader',
      params: Type.Object({ ...params, [actor.param]: Id }),
      responses: { 200: listDocument('roles', RoleView) },
      errors: [401, 403],
      title: `List roles of a ${who} on ${where}`,
      summary: `Lists the roles that were given to a ${who} on ${where}, without those they imply.`,
      examples: [{ title: 'All', params: listExample, status: 200 }],
      handle: async (call) => {
        const { userId, groupId, target: on } = assignment(call.params);
        const { assignments } = call.cloud.identity;
        await assignments.requireReader(call.subject, { userId, groupId, target: on });
        return list(call, 'roles', await assignments.rolesOn({ userId, groupId }, on, { isInherited }), roleView);
      },
    }),
    operation({
      ...common,
      id: `GrantRoleTo${suffix}`,
      method: 'PUT',
      path: url,
      allow: name === 'System' ? 'admin' : 'domainManager',
      params: GrantParams,
      responses: { 204: null },
      errors: [401, 403, 404],
      title: `Give a ${who} a role on ${where}`,
      summary: `Gives a ${who} a role on ${where}. Tokens have it from the next one on.`,
      examples: [{ title: 'Give', params: grantExample, status: 204 }],
      handle: async ({ cloud, subject, params: given }) => {
        await cloud.identity.assignments.grant(subject, assignment(given));
        return {};
      },
    }),
    operation({
      ...common,
      id: `CheckRoleOf${suffix}`,
      method: 'GET',
      path: url,
      allow: name === 'System' ? 'systemReader' : 'domainReader',
      params: GrantParams,
      responses: { 204: null },
      errors: [401, 403, 404],
      title: `Check whether a ${who} has a role on ${where}`,
      summary: `Says 204 if the role was given to the ${who} on ${where}, else 404.`,
      examples: [{ title: 'Check', params: grantExample, status: 204 }],
      handle: async ({ cloud, subject, params: given }) => {
        await cloud.identity.assignments.check(subject, assignment(given));
        return {};
      },
    }),
    operation({
      ...common,
      id: `RevokeRoleFrom${suffix}`,
      method: 'DELETE',
      path: url,
      allow: name === 'System' ? 'admin' : 'domainManager',
      params: GrantParams,
      responses: { 204: null },
      errors: [401, 403, 404],
      title: `Take a role on ${where} from a ${who}`,
      summary: `Takes a role on ${where} from a ${who}, and ends the tokens of those who had it.`,
      examples: [
        {
          title: 'Take',
          params: { ...grantExample, [actor.param]: 'd4c1b5a7e9f2483b8c6d0e1f3a5b7c92' },
          status: 204,
        },
      ],
      handle: async ({ cloud, subject, params: given }) => {
        await cloud.identity.assignments.revoke(subject, assignment(given));
        return {};
      },
    }),
  ];
}
