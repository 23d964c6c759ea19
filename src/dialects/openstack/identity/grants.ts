import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import {
  type AssignmentTarget,
  adminAccountId,
  builtInRoleIds,
  defaultDomainId,
} from '../../../cloud/identity/model.ts';
import { requireAdmin } from '../../../cloud/identity/subject.ts';
import { list } from './answers.ts';
import { Id, listDocument, RoleView } from './schemas.ts';
import { roleView } from './views.ts';

type Params = { user_id: string; role_id: string; project_id?: string; domain_id?: string };

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

export const grantOperations = places.flatMap(grantsAt);

function grantsAt({ name, path, params, example, target }: Place) {
  const where = name === 'System' ? 'the system' : `a ${name.toLowerCase()}`;
  const url = `${path}/users/{user_id}/roles/{role_id}`;
  const GrantParams = Type.Object({ ...params, user_id: Id, role_id: Id });
  const grantExample = { ...example, user_id: adminAccountId, role_id: builtInRoleIds.admin };
  const assignment = (given: object) => {
    const { user_id, role_id, ...rest } = given as Params;
    return { userId: user_id, roleId: role_id, target: target(rest) };
  };
  return [
    operation({
      id: `ListRolesOfUserOn${name}`,
      dialect: 'identity',
      group: 'role assignments',
      method: 'GET',
      path: `${path}/users/{user_id}/roles`,
      mode: 'sync',
      allow: 'admin',
      params: Type.Object({ ...params, user_id: Id }),
      responses: { 200: listDocument('roles', RoleView) },
      errors: [401, 403],
      title: `List roles of a user on ${where}`,
      summary: `Lists the roles that were given to a user on ${where}, without those they imply.`,
      examples: [{ title: 'Of admin', params: { ...example, user_id: adminAccountId }, status: 200 }],
      handle: async (call) => {
        requireAdmin(call.subject, 'list_grants');
        const { user_id, ...rest } = call.params as unknown as Params;
        return list(call, 'roles', await call.cloud.identity.assignments.rolesOn(user_id, target(rest)), roleView);
      },
    }),
    operation({
      id: `GrantRoleToUserOn${name}`,
      dialect: 'identity',
      group: 'role assignments',
      method: 'PUT',
      path: url,
      mode: 'sync',
      allow: 'admin',
      params: GrantParams,
      responses: { 204: null },
      errors: [401, 403, 404],
      title: `Give a user a role on ${where}`,
      summary: `Gives a user a role on ${where}. Tokens have it from the next one on.`,
      examples: [{ title: 'Give', params: grantExample, status: 204 }],
      handle: async ({ cloud, subject, params: given }) => {
        await cloud.identity.assignments.grant(subject, assignment(given));
        return {};
      },
    }),
    operation({
      id: `CheckRoleOfUserOn${name}`,
      dialect: 'identity',
      group: 'role assignments',
      method: 'GET',
      path: url,
      mode: 'sync',
      allow: 'admin',
      params: GrantParams,
      responses: { 204: null },
      errors: [401, 403, 404],
      title: `Check whether a user has a role on ${where}`,
      summary: `Says 204 if the role was given to the user on ${where}, else 404.`,
      examples: [{ title: 'Check', params: grantExample, status: 204 }],
      handle: async ({ cloud, subject, params: given }) => {
        await cloud.identity.assignments.check(subject, assignment(given));
        return {};
      },
    }),
    operation({
      id: `RevokeRoleFromUserOn${name}`,
      dialect: 'identity',
      group: 'role assignments',
      method: 'DELETE',
      path: url,
      mode: 'sync',
      allow: 'admin',
      params: GrantParams,
      responses: { 204: null },
      errors: [401, 403, 404],
      title: `Take a role on ${where} from a user`,
      summary: `Takes a role on ${where} from a user, and ends the user's tokens.`,
      examples: [
        { title: 'Take', params: { ...grantExample, user_id: 'd4c1b5a7e9f2483b8c6d0e1f3a5b7c92' }, status: 204 },
      ],
      handle: async ({ cloud, subject, params: given }) => {
        await cloud.identity.assignments.revoke(subject, assignment(given));
        return {};
      },
    }),
  ];
}
