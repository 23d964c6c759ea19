import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { ApplicationCredential } from '../../../cloud/identity/application-credentials.ts';
import { adminAccountId } from '../../../cloud/identity/model.ts';
import { isoMicros, parseTime } from '../common/time.ts';
import { list, v3 } from './answers.ts';
import { closed, Description, Id, listDocument, Name, nullable, optional, SelfLink } from './schemas.ts';

const common = { dialect: 'identity', group: 'application credentials', mode: 'sync', allow: 'authenticated' } as const;
const Params = Type.Object({ user_id: Id });
const CredentialParams = Type.Object({ user_id: Id, application_credential_id: Id });
const RuleParams = Type.Object({ user_id: Id, access_rule_id: Id });
const exampleId = '9b4ba8f65a3b4a1f8a3e0b2c4d5e6f70';
const example = { params: { user_id: adminAccountId } };
const oneExample = { params: { user_id: adminAccountId, application_credential_id: exampleId } };

const RuleView = Type.Object({
  id: Type.String(),
  service: Type.String(),
  path: Type.String(),
  method: Type.String(),
  links: Type.Optional(SelfLink),
});
const CredentialView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: nullable(Type.String()),
  project_id: Type.String(),
  user_id: Type.String(),
  roles: Type.Array(Type.Object({ id: Type.String(), name: Type.String(), domain_id: Type.Null() })),
  expires_at: nullable(Type.String()),
  unrestricted: Type.Boolean(),
  access_rules: Type.Optional(Type.Array(RuleView)),
  secret: Type.Optional(Type.String({ description: 'Told once, when it is made.' })),
  links: SelfLink,
});
const Document = Type.Object({ application_credential: CredentialView });

async function view(call: Pick<Call, 'base' | 'cloud'>, credential: ApplicationCredential) {
  const { id, userId, name, description, projectId, roleIds, accessRules, isUnrestricted, expiresAt } = credential;
  const roles = (await call.cloud.identity.roles.list()).filter((role) => roleIds.includes(role.id));
  return {
    id,
    name,
    description,
    project_id: projectId,
    user_id: userId,
    roles: roles.map((role) => ({ id: role.id, name: role.name, domain_id: null })),
    expires_at: expiresAt === null ? null : isoMicros(expiresAt),
    unrestricted: isUnrestricted,
    ...(accessRules ? { access_rules: accessRules } : {}),
    links: { self: `${v3(call)}/users/${userId}/application_credentials/${id}` },
  };
}

/** A time as clients write it; null for none. */
export function timeOf(text: string | null | undefined): number | null {
  if (text === null || text === undefined) return null;
  const time = parseTime(text.replace(' ', 'T'));
  if (time !== undefined) return time;
  throw new CloudError('invalid', `Invalid input for field 'expires_at': '${text}' is not a time.`, {
    field: 'expires_at',
  });
}

const RoleReference = Type.Object({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) });

export const applicationCredentialOperations = [
  operation({
    ...common,
    id: 'ListApplicationCredentials',
    method: 'GET',
    path: '/v3/users/{user_id}/application_credentials',
    params: Params,
    query: Type.Object({ name: Type.Optional(Type.String()) }),
    responses: { 200: listDocument('application_credentials', CredentialView) },
    errors: [401, 403],
    title: 'List application credentials',
    summary: "A user's own; as an administrator anyone's, without their secrets.",
    examples: [{ title: "One's own", ...example, status: 200 }],
    handle: async (call) => {
      const { applicationCredentials } = call.cloud.identity;
      const all = await applicationCredentials.list(call.subject, call.params.user_id, { name: call.query.name });
      const views = await Promise.all(all.map((one) => view(call, one)));
      return list(call, 'application_credentials', views, (_, one) => one);
    },
  }),
  operation({
    ...common,
    id: 'CreateApplicationCredential',
    method: 'POST',
    path: '/v3/users/{user_id}/application_credentials',
    params: Params,
    body: Type.Object({
      application_credential: Type.Object(
        {
          name: Name,
          description: optional(Description),
          secret: optional(Type.String({ minLength: 1, maxLength: 255 })),
          roles: Type.Optional(Type.Array(RoleReference)),
          expires_at: optional(Type.String()),
          unrestricted: optional(Type.Boolean()),
          access_rules: Type.Optional(
            Type.Array(
              Type.Object({
                id: Type.Optional(Type.String()),
                service: Type.Optional(Type.String({ maxLength: 64 })),
                path: Type.Optional(Type.String({ maxLength: 128 })),
                method: Type.Optional(Type.String({ pattern: '^(POST|GET|HEAD|PATCH|PUT|DELETE)$' })),
              }),
            ),
          ),
          // As what is shown has them: the project is that of the token.
          id: Type.Optional(Type.String()),
          project_id: Type.Optional(Type.String()),
          system: optional(Type.String()),
        },
        closed,
      ),
    }),
    responses: { 201: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Create an application credential',
    summary:
      "Lets a program sign in for oneself, on the token's project, with some of one's roles and, with access rules, for " +
      'some requests only. Its secret is told once.',
    examples: [
      { title: 'For a backup job', ...example, body: { application_credential: { name: 'backup' } }, status: 201 },
    ],
    handle: async (call) => {
      const wanted = call.body.application_credential;
      const { credential, secret } = await call.cloud.identity.applicationCredentials.create(
        call.subject,
        call.params.user_id,
        {
          name: wanted.name,
          description: wanted.description,
          secret: wanted.secret ?? undefined,
          roles: wanted.roles,
          accessRules: wanted.access_rules,
          isUnrestricted: wanted.unrestricted ?? false,
          expiresAt: timeOf(wanted.expires_at),
        },
      );
      return { body: { application_credential: { ...(await view(call, credential)), secret } } };
    },
  }),
  operation({
    ...common,
    id: 'ShowApplicationCredential',
    method: 'GET',
    path: '/v3/users/{user_id}/application_credentials/{application_credential_id}',
    params: CredentialParams,
    responses: { 200: Document },
    errors: [401, 403, 404],
    title: 'Show an application credential',
    summary: 'All but its secret.',
    examples: [{ title: 'By id', ...oneExample, status: 200 }],
    handle: async (call) => {
      const { user_id, application_credential_id } = call.params;
      const { applicationCredentials } = call.cloud.identity;
      const found = await applicationCredentials.get(call.subject, user_id, application_credential_id);
      return { body: { application_credential: await view(call, found) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteApplicationCredential',
    method: 'DELETE',
    path: '/v3/users/{user_id}/application_credentials/{application_credential_id}',
    params: CredentialParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete an application credential',
    summary: 'Its tokens end.',
    examples: [{ title: 'By id', ...oneExample, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      const { user_id, application_credential_id } = params;
      await cloud.identity.applicationCredentials.delete(subject, user_id, application_credential_id);
      return {};
    },
  }),
  operation({
    ...common,
    id: 'ListAccessRules',
    method: 'GET',
    path: '/v3/users/{user_id}/access_rules',
    params: Params,
    query: Type.Object({
      service: Type.Optional(Type.String()),
      path: Type.Optional(Type.String()),
      method: Type.Optional(Type.String()),
    }),
    responses: { 200: listDocument('access_rules', RuleView) },
    errors: [401, 403],
    title: 'List access rules',
    summary: 'Which requests programs may make for a user. They are made with application credentials.',
    examples: [{ title: "One's own", ...example, status: 200 }],
    handle: async (call) => {
      const { user_id } = call.params;
      const rules = await call.cloud.identity.applicationCredentials.rules(call.subject, user_id, call.query);
      return list(call, 'access_rules', rules, (base, rule) => ({
        ...rule,
        links: { self: `${base}/users/${user_id}/access_rules/${rule.id}` },
      }));
    },
  }),
  operation({
    ...common,
    id: 'ShowAccessRule',
    method: 'GET',
    path: '/v3/users/{user_id}/access_rules/{access_rule_id}',
    params: RuleParams,
    responses: { 200: Type.Object({ access_rule: RuleView }) },
    errors: [401, 403, 404],
    title: 'Show an access rule',
    summary: 'One request that programs may make.',
    examples: [{ title: 'By id', params: { user_id: adminAccountId, access_rule_id: exampleId }, status: 200 }],
    handle: async (call) => {
      const { user_id, access_rule_id } = call.params;
      const rule = await call.cloud.identity.applicationCredentials.rule(call.subject, user_id, access_rule_id);
      const links = { self: `${v3(call)}/users/${user_id}/access_rules/${rule.id}` };
      return { body: { access_rule: { ...rule, links } } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteAccessRule',
    method: 'DELETE',
    path: '/v3/users/{user_id}/access_rules/{access_rule_id}',
    params: RuleParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete an access rule',
    summary: 'Refused while an application credential has it.',
    examples: [{ title: 'By id', params: { user_id: adminAccountId, access_rule_id: exampleId }, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.identity.applicationCredentials.deleteRule(subject, params.user_id, params.access_rule_id);
      return {};
    },
  }),
];
