import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { managedRoleIds } from '../../../cloud/identity/assignments.ts';
import { builtInRoleIds, type Role } from '../../../cloud/identity/model.ts';
import { mayReadIdentity, requireAdmin, requireManager } from '../../../cloud/identity/subject.ts';
import { list, v3 } from './answers.ts';
import { Description, Id, listDocument, Name, OptionsView, optional, RoleView, SelfLink } from './schemas.ts';
import { unnamedMembers } from './unnamed-members.ts';
import { roleView } from './views.ts';

const Params = Type.Object({ role_id: Id });
const Document = Type.Object({ role: RoleView });
const NewRole = Type.Object({
  name: Name,
  description: optional(Description),
  domain_id: optional(Id),
  options: Type.Optional(OptionsView),
});
const RoleChanges = Type.Object({ ...NewRole.properties, name: Type.Optional(Name) });
const RoleReference = Type.Object({ id: Type.String(), name: Type.String(), links: SelfLink });

const Inferences = Type.Object({ prior_role: RoleReference, implies: Type.Array(RoleReference) });
const InferenceDocument = Type.Object({
  role_inference: Type.Object({ prior_role: RoleReference, implies: RoleReference }),
  links: SelfLink,
});

const inference = {
  dialect: 'identity',
  group: 'roles',
  path: '/v3/roles/{prior_role_id}/implies/{implies_role_id}',
  mode: 'sync',
  params: Type.Object({ prior_role_id: Id, implies_role_id: Id }),
} as const;
const inferenceExample = {
  prior_role_id: 'c3e5a7f9b1d2468fa0c2e4b6d8f01324',
  implies_role_id: builtInRoleIds.reader,
};

export const roleOperations = [
  operation({
    id: 'ListRoles',
    dialect: 'identity',
    group: 'roles',
    method: 'GET',
    path: '/v3/roles',
    mode: 'sync',
    allow: 'domainReader',
    query: Type.Object({
      name: Type.Optional(Type.String()),
      domain_id: Type.Optional(
        Type.String({ description: 'Those of this domain, instead of those of the whole cloud.' }),
      ),
    }),
    responses: { 200: listDocument('roles', RoleView) },
    errors: [401, 403],
    title: 'List roles',
    summary: 'Lists the roles that may be given.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { name, domain_id } = call.query;
      const { subject } = call;
      if (!mayReadIdentity(subject)) requireManager(subject, subject.domainId, 'list_roles');
      return list(call, 'roles', await call.cloud.identity.roles.list({ name, domainId: domain_id }), roleView);
    },
  }),
  operation({
    id: 'CreateRole',
    dialect: 'identity',
    group: 'roles',
    method: 'POST',
    path: '/v3/roles',
    mode: 'sync',
    allow: 'admin',
    body: Type.Object({ role: NewRole }),
    responses: { 201: Document },
    errors: [400, 401, 403, 409],
    title: 'Create a role',
    summary: "Creates a role. The cloud's own rules know only admin, manager, member and reader.",
    examples: [{ title: 'Create', body: { role: { name: 'auditor' } }, status: 201 }],
    handle: async (call) => {
      const { name, description, domain_id, options } = call.body.role;
      const extra = unnamedMembers(call.body.role, NewRole, RoleView);
      const wanted = { name, description: description ?? undefined, domainId: domain_id ?? undefined, options, extra };
      const role = await call.cloud.identity.roles.create(call.subject, wanted);
      return { body: { role: roleView(v3(call), role) } };
    },
  }),
  operation({
    id: 'ShowRole',
    dialect: 'identity',
    group: 'roles',
    method: 'GET',
    path: '/v3/roles/{role_id}',
    mode: 'sync',
    allow: 'authenticated',
    params: Params,
    responses: { 200: Document },
    errors: [401, 403, 404],
    title: 'Show a role',
    summary: 'Shows a role.',
    examples: [{ title: 'The role member', params: { role_id: builtInRoleIds.member }, status: 200 }],
    handle: async (call) => {
      const { subject, params } = call;
      const mayGive = managedRoleIds.includes(params.role_id) && subject.roles.includes('manager');
      if (!mayReadIdentity(subject) && !mayGive) requireAdmin(subject, 'get_role');
      const role = await call.cloud.identity.roles.get(params.role_id);
      return { body: { role: roleView(v3(call), role) } };
    },
  }),
  operation({
    id: 'UpdateRole',
    dialect: 'identity',
    group: 'roles',
    method: 'PATCH',
    path: '/v3/roles/{role_id}',
    mode: 'sync',
    allow: 'admin',
    params: Params,
    body: Type.Object({ role: RoleChanges }),
    responses: { 200: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Update a role',
    summary: 'Renames or describes a role. The built-in ones stay as they are.',
    examples: [
      {
        title: 'Describe it',
        params: { role_id: 'c3e5a7f9b1d2468fa0c2e4b6d8f01324' },
        body: { role: { description: 'Reads everything' } },
        status: 200,
      },
    ],
    handle: async (call) => {
      const { name, description, options, domain_id } = call.body.role;
      const { roles } = call.cloud.identity;
      if (domain_id !== undefined && (await roles.get(call.params.role_id)).domainId !== (domain_id ?? '')) {
        throw new CloudError('invalid', 'Update of `domain_id` is not allowed.', { field: 'domain_id' });
      }
      const extra = unnamedMembers(call.body.role, RoleChanges, RoleView);
      const given = { name, description: description === null ? '' : description, options, extra };
      const changes = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      const role = await call.cloud.identity.roles.update(call.subject, call.params.role_id, changes);
      return { body: { role: roleView(v3(call), role) } };
    },
  }),
  operation({
    id: 'DeleteRole',
    dialect: 'identity',
    group: 'roles',
    method: 'DELETE',
    path: '/v3/roles/{role_id}',
    mode: 'sync',
    allow: 'admin',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a role',
    summary: 'Takes a role from everyone who has it, and deletes it. The built-in ones stay.',
    examples: [{ title: 'Delete', params: { role_id: 'c3e5a7f9b1d2468fa0c2e4b6d8f01324' }, status: 204 }],
    handle: async (call) => {
      await call.cloud.identity.roles.delete(call.subject, call.params.role_id);
      return {};
    },
  }),
  operation({
    id: 'ListRoleInferences',
    dialect: 'identity',
    group: 'roles',
    method: 'GET',
    path: '/v3/role_inferences',
    mode: 'sync',
    allow: 'systemReader',
    responses: { 200: Type.Object({ role_inferences: Type.Array(Inferences), links: SelfLink }) },
    errors: [401, 403],
    title: 'List what roles imply',
    summary:
      'Tells which roles come with which. Of the built-in ones admin implies manager, manager member, member reader.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const all = await call.cloud.identity.roles.inferences();
      const role_inferences = all.map(({ prior, implied }) => ({
        prior_role: reference(v3(call), prior),
        implies: implied.map((one) => reference(v3(call), one)),
      }));
      return { body: { role_inferences, links: { self: call.origin + call.raw.url } } };
    },
  }),
  operation({
    id: 'ListImpliedRoles',
    dialect: 'identity',
    group: 'roles',
    method: 'GET',
    path: '/v3/roles/{role_id}/implies',
    mode: 'sync',
    allow: 'systemReader',
    params: Params,
    responses: { 200: Type.Object({ role_inference: Inferences, links: SelfLink }) },
    errors: [401, 403, 404],
    title: 'List what a role implies',
    summary: 'Tells which roles come with it directly.',
    examples: [{ title: 'Of admin', params: { role_id: builtInRoleIds.admin }, status: 200 }],
    handle: async (call) => {
      const { roles } = call.cloud.identity;
      const prior = await roles.get(call.params.role_id);
      const found = (await roles.inferences()).find((one) => one.prior.id === prior.id);
      const implies = (found?.implied ?? []).map((one) => reference(v3(call), one));
      const role_inference = { prior_role: reference(v3(call), prior), implies };
      return { body: { role_inference, links: { self: call.origin + call.raw.url } } };
    },
  }),
  operation({
    ...inference,
    id: 'CreateRoleInference',
    method: 'PUT',
    allow: 'admin',
    responses: { 201: InferenceDocument },
    errors: [401, 403, 404],
    title: 'Let a role imply another',
    summary: 'From then on whoever has the one has the other too, with the next token.',
    examples: [{ title: 'Auditors read', params: inferenceExample, status: 201 }],
    handle: async (call) => {
      const { prior_role_id, implies_role_id } = call.params;
      await call.cloud.identity.roles.imply(call.subject, prior_role_id, implies_role_id);
      return { status: 201, body: await inferenceDocument(call) };
    },
  }),
  operation({
    ...inference,
    id: 'ShowRoleInference',
    method: 'GET',
    allow: 'systemReader',
    responses: { 200: InferenceDocument },
    errors: [401, 403, 404],
    title: 'Show that a role implies another',
    summary: '404 where it does not, directly.',
    examples: [{ title: 'Of auditors', params: inferenceExample, status: 200 }],
    handle: async (call) => {
      await call.cloud.identity.roles.checkInference(call.params.prior_role_id, call.params.implies_role_id);
      return { body: await inferenceDocument(call) };
    },
  }),
  operation({
    ...inference,
    id: 'CheckRoleInference',
    method: 'HEAD',
    allow: 'systemReader',
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Check whether a role implies another',
    summary: '204 where it does, directly.',
    examples: [{ title: 'Of auditors', params: inferenceExample, status: 204 }],
    handle: async (call) => {
      await call.cloud.identity.roles.checkInference(call.params.prior_role_id, call.params.implies_role_id);
      return {};
    },
  }),
  operation({
    ...inference,
    id: 'DeleteRoleInference',
    method: 'DELETE',
    allow: 'admin',
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Let a role imply another no more',
    summary: 'Tokens of those who have it end. What the built-in ones imply stays.',
    examples: [{ title: 'Of auditors', params: inferenceExample, status: 204 }],
    handle: async (call) => {
      const { prior_role_id, implies_role_id } = call.params;
      await call.cloud.identity.roles.implyNoMore(call.subject, prior_role_id, implies_role_id);
      return {};
    },
  }),
];

async function inferenceDocument(call: Call<{ prior_role_id: string; implies_role_id: string }>) {
  const { roles } = call.cloud.identity;
  const prior = reference(v3(call), await roles.get(call.params.prior_role_id));
  const implied = reference(v3(call), await roles.get(call.params.implies_role_id));
  return {
    role_inference: { prior_role: prior, implies: implied },
    links: { self: call.origin + call.raw.url },
  };
}

function reference(base: string, { id, name }: Role) {
  return { id, name, links: { self: `${base}/roles/${id}` } };
}
