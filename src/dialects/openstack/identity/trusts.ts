import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { adminAccountId } from '../../../cloud/identity/model.ts';
import type { Trust } from '../../../cloud/identity/trusts.ts';
import { isoMicrosZ } from '../common/time.ts';
import { list, v3 } from './answers.ts';
import { timeOf } from './application-credentials.ts';
import { closed, Id, listDocument, Name, nullable, optional, RoleView, SelfLink } from './schemas.ts';
import { roleView } from './views.ts';

const common = { dialect: 'identity', group: 'trusts', mode: 'sync', allow: 'authenticated' } as const;
const Params = Type.Object({ trust_id: Id });
const RoleParams = Type.Object({ trust_id: Id, role_id: Id });
const exampleId = '987fe8f65a3b4a1f8a3e0b2c4d5e6f71';
const example = { params: { trust_id: exampleId } };
const roleExample = { params: { trust_id: exampleId, role_id: '1f7d6f0a5a3c4f0e9d5b8c2e4a6b0003' } };

const summary = {
  id: Type.String(),
  trustor_user_id: Type.String(),
  trustee_user_id: Type.String(),
  project_id: nullable(Type.String()),
  impersonation: Type.Boolean(),
  expires_at: nullable(Type.String()),
  deleted_at: Type.Null(),
  remaining_uses: nullable(Type.Integer()),
  redelegation_count: Type.Integer(),
  redelegated_trust_id: Type.Optional(Type.String()),
  links: SelfLink,
};
const TrustSummary = Type.Object(summary);
const TrustView = Type.Object({
  ...summary,
  roles: Type.Array(RoleView),
  roles_links: Type.Unsafe<object>({ type: 'object', additionalProperties: true }),
});

function summaryView(base: string, trust: Trust) {
  return {
    id: trust.id,
    trustor_user_id: trust.trustorId,
    trustee_user_id: trust.trusteeId,
    project_id: trust.projectId,
    impersonation: trust.isImpersonation,
    expires_at: trust.expiresAt === null ? null : isoMicrosZ(trust.expiresAt),
    deleted_at: null,
    remaining_uses: trust.remainingUses,
    redelegation_count: trust.redelegationCount,
    ...(trust.redelegatedFromId === null ? {} : { redelegated_trust_id: trust.redelegatedFromId }),
    links: { self: `${base}/OS-TRUST/trusts/${trust.id}` },
  };
}

async function detailView(call: Pick<Call, 'base' | 'cloud'>, trust: Trust) {
  const base = v3(call);
  const roles = (await call.cloud.identity.trusts.rolesOf(trust)).map((role) => roleView(base, role));
  const self = `${base}/OS-TRUST/trusts/${trust.id}/roles`;
  return { ...summaryView(base, trust), roles, roles_links: { self, next: null, previous: null } };
}

async function roleIn(call: Call<{ trust_id: string; role_id: string }>) {
  const { trusts } = call.cloud.identity;
  const roles = await trusts.rolesOf(await trusts.get(call.subject, call.params.trust_id));
  const role = roles.find(({ id }) => id === call.params.role_id);
  if (!role) throw new CloudError('not_found', `Could not find role: ${call.params.role_id}.`, { resource: 'role' });
  return role;
}

export const trustOperations = [
  operation({
    ...common,
    id: 'ListTrusts',
    method: 'GET',
    path: '/v3/OS-TRUST/trusts',
    query: Type.Object({
      trustor_user_id: Type.Optional(Type.String()),
      trustee_user_id: Type.Optional(Type.String()),
    }),
    responses: { 200: listDocument('trusts', TrustSummary) },
    errors: [401, 403],
    title: 'List trusts',
    summary: 'Those by or for oneself; all for administrators.',
    examples: [{ title: 'By oneself', query: { trustor_user_id: adminAccountId }, status: 200 }],
    handle: async (call) => {
      const { trustor_user_id, trustee_user_id } = call.query;
      const filters = { trustorId: trustor_user_id, trusteeId: trustee_user_id };
      return list(call, 'trusts', await call.cloud.identity.trusts.list(call.subject, filters), summaryView);
    },
  }),
  operation({
    ...common,
    id: 'CreateTrust',
    method: 'POST',
    path: '/v3/OS-TRUST/trusts',
    body: Type.Object({
      trust: Type.Object({
        trustor_user_id: Id,
        trustee_user_id: Id,
        impersonation: Type.Boolean(),
        project_id: optional(Id),
        roles: Type.Optional(Type.Array(Type.Object({ id: Type.Optional(Id), name: Type.Optional(Name) }, closed))),
        expires_at: optional(Type.String()),
        remaining_uses: optional(Type.Integer({ minimum: 1 })),
        allow_redelegation: optional(Type.Boolean()),
        redelegation_count: optional(Type.Integer({ minimum: 0 })),
        redelegated_trust_id: optional(Type.String({ description: 'Follows from the token that asks.' })),
      }),
    }),
    responses: { 201: Type.Object({ trust: TrustView }) },
    errors: [400, 401, 403, 404],
    title: 'Create a trust',
    summary: "Lets another user act for oneself, on a project and with some of one's roles.",
    examples: [
      {
        title: 'On a project',
        body: {
          trust: {
            trustor_user_id: adminAccountId,
            trustee_user_id: 'd4c1b5a7e9f2483b8c6d0e1f3a5b7c92',
            impersonation: false,
            project_id: adminAccountId,
            roles: [{ name: 'reader' }],
          },
        },
        status: 201,
      },
    ],
    handle: async (call) => {
      const wanted = call.body.trust;
      const trust = await call.cloud.identity.trusts.create(call.subject, {
        trustorId: wanted.trustor_user_id,
        trusteeId: wanted.trustee_user_id,
        projectId: wanted.project_id,
        roles: wanted.roles ?? [],
        isImpersonation: wanted.impersonation,
        allowRedelegation: wanted.allow_redelegation ?? false,
        redelegationCount: wanted.redelegation_count ?? undefined,
        remainingUses: wanted.remaining_uses,
        expiresAt: timeOf(wanted.expires_at),
      });
      return { body: { trust: await detailView(call, trust) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowTrust',
    method: 'GET',
    path: '/v3/OS-TRUST/trusts/{trust_id}',
    params: Params,
    responses: { 200: Type.Object({ trust: TrustView }) },
    errors: [401, 403, 404],
    title: 'Show a trust',
    summary: 'For its trustor, its trustee and administrators.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => {
      const trust = await call.cloud.identity.trusts.get(call.subject, call.params.trust_id);
      return { body: { trust: await detailView(call, trust) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteTrust',
    method: 'DELETE',
    path: '/v3/OS-TRUST/trusts/{trust_id}',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a trust',
    summary: 'Its tokens end, and what was handed on of it.',
    examples: [{ title: 'By id', ...example, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.identity.trusts.delete(subject, params.trust_id);
      return {};
    },
  }),
  operation({
    ...common,
    id: 'ListTrustRoles',
    method: 'GET',
    path: '/v3/OS-TRUST/trusts/{trust_id}/roles',
    params: Params,
    responses: { 200: listDocument('roles', RoleView) },
    errors: [401, 403, 404],
    title: 'List the roles of a trust',
    summary: 'Those that its tokens have.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => {
      const { trusts } = call.cloud.identity;
      const trust = await trusts.get(call.subject, call.params.trust_id);
      return list(call, 'roles', await trusts.rolesOf(trust), roleView);
    },
  }),
  operation({
    ...common,
    id: 'ShowTrustRole',
    method: 'GET',
    path: '/v3/OS-TRUST/trusts/{trust_id}/roles/{role_id}',
    params: RoleParams,
    responses: { 200: Type.Object({ role: RoleView }) },
    errors: [401, 403, 404],
    title: 'Show a role of a trust',
    summary: '404 where the trust does not give it.',
    examples: [{ title: 'The role member', ...roleExample, status: 200 }],
    handle: async (call) => ({ body: { role: roleView(v3(call), await roleIn(call)) } }),
  }),
];
