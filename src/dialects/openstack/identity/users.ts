import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { adminAccountId } from '../../../cloud/identity/model.ts';
import { sha512Hex } from '../../../cloud/identity/passwords.ts';
import { homeOf } from '../../../cloud/identity/subject.ts';
import type { UserFilters } from '../../../cloud/identity/users.ts';
import { queryBoolean } from '../common/query.ts';
import { parseTime } from '../common/time.ts';
import { list, v3 } from './answers.ts';
import { Description, Id, listDocument, Name, optional, ProjectView, UserView } from './schemas.ts';
import { unnamedMembers } from './unnamed-members.ts';
import { projectView, userView } from './views.ts';

const Params = Type.Object({ user_id: Id });
const Document = Type.Object({ user: UserView });
const Password = Type.String({ maxLength: 4096 });
/** Combinations of methods of which the user has to use one. */
const MethodRules = Type.Array(
  Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 16, uniqueItems: true }),
  { maxItems: 64, uniqueItems: true },
);
/** Options that mean something here. */
const UserOptions = Type.Object(
  {
    ignore_lockout_failure_attempts: optional(Type.Boolean()),
    lock_password: optional(Type.Boolean()),
    ignore_change_password_upon_first_use: optional(Type.Boolean()),
    ignore_password_expiry: optional(Type.Boolean()),
    ignore_user_inactivity: optional(Type.Boolean()),
    multi_factor_auth_enabled: optional(Type.Boolean()),
    multi_factor_auth_rules: optional(MethodRules),
  },
  { additionalProperties: false },
);
const changeable = {
  federated: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 0, description: 'Nobody signs in from elsewhere.' })),
  password: optional(Password),
  email: optional(Type.String({ maxLength: 255 })),
  description: optional(Description),
  default_project_id: optional(Id),
  enabled: Type.Optional(Type.Boolean()),
  options: Type.Optional(UserOptions),
};
const NewUser = Type.Object({ name: Name, domain_id: optional(Id), ...changeable });
const UserChanges = Type.Object({ name: Type.Optional(Name), domain_id: Type.Optional(Id), ...changeable });

const exampleView = {
  id: adminAccountId,
  name: 'admin',
  domain_id: 'default',
  enabled: true,
  description: "The cloud's first administrator",
  default_project_id: adminAccountId,
  password_expires_at: null,
  options: {},
  links: { self: `http://cloud.example/identity/v3/users/${adminAccountId}` },
};

function sha512Of(password: string | null | undefined): string | undefined {
  return password === null || password === undefined ? undefined : sha512Hex(password);
}

const operators = { lt: '<', lte: '<=', gt: '>', gte: '>=', eq: '=', neq: '!=' } as const;

/** `lt:2026-11-06T15:32:17Z`. Throws `invalid` for anything else. */
function expiryFilter(text: string): NonNullable<UserFilters['passwordExpiresAt']> {
  const [, name = '', when = ''] = /^([a-z]+):(.+)$/.exec(text) ?? [];
  const time = parseTime(when);
  if (Object.hasOwn(operators, name) && time !== undefined) {
    return { operator: operators[name as keyof typeof operators], time };
  }
  const words = 'password_expires_at is an operator (lt, lte, gt, gte, eq, neq), a colon, and a time.';
  throw new CloudError('invalid', words, { field: 'password_expires_at' });
}

export const userOperations = [
  operation({
    id: 'ListUsers',
    dialect: 'identity',
    group: 'users',
    method: 'GET',
    path: '/v3/users',
    mode: 'sync',
    allow: 'domainReader',
    query: Type.Object({
      name: Type.Optional(Type.String()),
      domain_id: Type.Optional(Type.String()),
      enabled: Type.Optional(Type.String()),
      password_expires_at: Type.Optional(
        Type.String({ description: 'An operator (lt, lte, gt, gte, eq, neq), a colon, and a time.' }),
      ),
    }),
    responses: { 200: listDocument('users', UserView) },
    errors: [400, 401, 403],
    title: 'List users',
    summary: 'Lists all users, or those that fit all filters.',
    examples: [{ title: 'By name', query: { name: 'admin' }, status: 200 }],
    handle: async (call) => {
      const { name, domain_id, enabled, password_expires_at } = call.query;
      const passwordExpiresAt = password_expires_at === undefined ? undefined : expiryFilter(password_expires_at);
      const filters = { name, domainId: domain_id, enabled: queryBoolean(enabled), passwordExpiresAt };
      return list(call, 'users', await call.cloud.identity.users.list(call.subject, filters), userView);
    },
  }),
  operation({
    id: 'CreateUser',
    dialect: 'identity',
    group: 'users',
    method: 'POST',
    path: '/v3/users',
    mode: 'sync',
    allow: 'domainManager',
    body: Type.Object({ user: NewUser }),
    responses: { 201: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Create a user',
    summary: 'Creates a user. Roles are given separately.',
    examples: [
      { title: 'With a password', body: { user: { name: 'hanako', password: 'correct horse' } }, status: 201 },
    ],
    handle: async (call) => {
      const { name, domain_id, password, email, description, default_project_id, enabled, options } = call.body.user;
      call.cloud.identity.users.requireStrong(password);
      const user = await call.cloud.identity.users.create(call.subject, {
        name,
        domainId: domain_id ?? homeOf(call.subject),
        passwordSha512: sha512Of(password),
        email: email ?? undefined,
        description: description ?? undefined,
        defaultProjectId: default_project_id ?? undefined,
        enabled,
        options,
        extra: unnamedMembers(call.body.user, NewUser, UserView),
      });
      return { body: { user: userView(v3(call), user) } };
    },
  }),
  operation({
    id: 'ShowUser',
    dialect: 'identity',
    group: 'users',
    method: 'GET',
    path: '/v3/users/{user_id}',
    mode: 'sync',
    allow: 'authenticated',
    params: Params,
    responses: { 200: Document },
    errors: [401, 403, 404],
    title: 'Show a user',
    summary: 'Shows a user: oneself, or as an administrator anyone.',
    examples: [
      { title: 'The user admin', params: { user_id: adminAccountId }, status: 200, response: { user: exampleView } },
    ],
    handle: async (call) => {
      const user = await call.cloud.identity.users.get(call.subject, call.params.user_id);
      return { body: { user: userView(v3(call), user) } };
    },
  }),
  operation({
    id: 'UpdateUser',
    dialect: 'identity',
    group: 'users',
    method: 'PATCH',
    path: '/v3/users/{user_id}',
    mode: 'sync',
    allow: 'domainManager',
    params: Params,
    body: Type.Object({ user: UserChanges }),
    responses: { 200: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Update a user',
    summary: 'Changes a user. A new password, and disabling, end all tokens of the user.',
    examples: [
      {
        title: 'Tell the mail address',
        params: { user_id: adminAccountId },
        body: { user: { email: 'admin@cloud.example' } },
        status: 200,
      },
    ],
    handle: async (call) => {
      const { name, password, email, description, default_project_id, enabled, options, domain_id } = call.body.user;
      const { users } = call.cloud.identity;
      users.requireStrong(password);
      if (domain_id !== undefined && domain_id !== (await users.get(call.subject, call.params.user_id)).domainId) {
        throw new CloudError('invalid', 'Cannot change Domain ID', { field: 'domain_id' });
      }
      const user = await users.update(call.subject, call.params.user_id, {
        name,
        passwordSha512: sha512Of(password),
        email,
        description: description === null ? '' : description,
        defaultProjectId: default_project_id,
        enabled,
        options,
        extra: unnamedMembers(call.body.user, UserChanges, UserView),
      });
      return { body: { user: userView(v3(call), user) } };
    },
  }),
  operation({
    id: 'DeleteUser',
    dialect: 'identity',
    group: 'users',
    method: 'DELETE',
    path: '/v3/users/{user_id}',
    mode: 'sync',
    allow: 'domainManager',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a user',
    summary: 'Deletes a user with their role assignments and key pairs, and ends their tokens.',
    examples: [{ title: 'Delete', params: { user_id: 'd4c1b5a7e9f2483b8c6d0e1f3a5b7c92' }, status: 204 }],
    handle: async (call) => {
      await call.cloud.identity.users.delete(call.subject, call.params.user_id);
      return {};
    },
  }),
  operation({
    id: 'ChangePassword',
    dialect: 'identity',
    group: 'users',
    method: 'POST',
    path: '/v3/users/{user_id}/password',
    mode: 'sync',
    // The old password is proof enough: who uses this may have a password that no longer gets a token.
    allow: 'anyone',
    params: Params,
    body: Type.Object({ user: Type.Object({ password: Password, original_password: Password }) }),
    responses: { 204: null },
    errors: [400, 401],
    title: 'Change a password',
    summary: 'Changes a password for whoever knows the old one. All tokens of the user end.',
    examples: [
      {
        title: 'Change it',
        params: { user_id: 'd4c1b5a7e9f2483b8c6d0e1f3a5b7c92' },
        body: { user: { password: 'correct horse battery', original_password: 'correct horse' } },
        status: 204,
      },
    ],
    handle: async ({ cloud, params, body }) => {
      const { password, original_password } = body.user;
      cloud.identity.users.requireStrong(password);
      await cloud.identity.users.changePassword(params.user_id, sha512Hex(original_password), sha512Hex(password));
      return {};
    },
  }),
  operation({
    id: 'ListProjectsOfUser',
    dialect: 'identity',
    group: 'users',
    method: 'GET',
    path: '/v3/users/{user_id}/projects',
    mode: 'sync',
    allow: 'authenticated',
    params: Params,
    query: Type.Object({ name: Type.Optional(Type.String()), enabled: Type.Optional(Type.String()) }),
    responses: { 200: listDocument('projects', ProjectView) },
    errors: [401, 403],
    title: 'List projects of a user',
    summary: 'Lists the projects on which the user has a role.',
    examples: [{ title: 'Of the user admin', params: { user_id: adminAccountId }, status: 200 }],
    handle: async (call) => {
      const { subject, params, query } = call;
      // Who may look at the user may look at this.
      if (subject.userId !== params.user_id) await call.cloud.identity.users.get(subject, params.user_id);
      const enabled = queryBoolean(query.enabled);
      const projects = (await call.cloud.identity.projects.listOf(params.user_id)).filter(
        (project) =>
          (query.name === undefined || project.name === query.name) &&
          (enabled === undefined || project.enabled === enabled),
      );
      return list(call, 'projects', projects, projectView);
    },
  }),
];
