import { type Static, Type } from 'typebox';
import {
  type RbacObjectType,
  type RbacPolicy,
  type RbacPolicyField,
  rbacObjectTypes,
} from '../../../cloud/networks/rbac-policies.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { type Attributes, listRequest } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import { Body, idInBody, OwnedView, ownedView, ownerMembers, ownerOf } from './wire.ts';

const attributes: Attributes<RbacPolicyField> = {
  id: ['id', 'id'],
  project_id: ['projectId', 'id'],
  tenant_id: ['projectId', 'id'],
  object_type: ['objectType', 'text'],
  object_id: ['objectId', 'id'],
  action: ['action', 'text'],
  target_tenant: ['targetProject', 'id'],
};

const CreateBody = Body({
  ...ownerMembers,
  object_type: Type.Unsafe<RbacObjectType>(Type.Enum([...rbacObjectTypes])),
  object_id: Type.String(),
  action: Type.String(),
  target_tenant: Type.String({ minLength: 1, maxLength: 255 }),
});
const UpdateBody = Body({ target_tenant: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) });

const rbacPolicies: Resource<RbacPolicy, Static<typeof CreateBody>, Static<typeof UpdateBody>> = {
  singular: 'rbac_policy',
  plural: 'rbac_policies',
  collection: 'rbac-policies',
  name: 'RbacPolicy',
  title: 'RBAC policy',
  summary: 'Lets another project, or all (`*`), use what a project owns.',
  view: (policy) => ({
    ...ownedView(policy),
    object_type: policy.objectType,
    object_id: withDashes(policy.objectId),
    action: policy.action,
    target_tenant: policy.targetProject,
  }),
  viewSchema: OwnedView({
    object_type: Type.String(),
    object_id: Type.String(),
    action: Type.String(),
    target_tenant: Type.String(),
  }),
  filters: Object.keys(attributes),
  createBody: CreateBody,
  updateBody: UpdateBody,
  example: {
    id: '3a1d7e62-9f25-4c13-8d0a-5b1c7a9e4f20',
    create: {
      object_type: 'network',
      object_id: '0d3c8a52-6f1b-4c0e-9f57-2a4be9d1c7aa',
      action: 'access_as_shared',
      target_tenant: '36c27e8ff05c4780bf6d2fa65700f22e',
    },
    update: { target_tenant: '36c27e8ff05c4780bf6d2fa65700f22e' },
  },
  list: ({ cloud, subject }, query) => cloud.networks.rbacPolicies.list(subject, listRequest(query, attributes)),
  get: ({ cloud, subject }, id) => cloud.networks.rbacPolicies.get(subject, id),
  create: ({ cloud, subject }, bodies) =>
    cloud.networks.rbacPolicies.create(
      subject,
      bodies.map((body) => ({
        projectId: ownerOf(body),
        objectType: body.object_type,
        objectId: idInBody('object_id', body.object_id),
        action: body.action,
        targetProject: parseId(body.target_tenant) ?? body.target_tenant,
      })),
    ),
  update: ({ cloud, subject }, id, { target_tenant }, revision) =>
    cloud.networks.rbacPolicies.update(
      subject,
      id,
      target_tenant && (parseId(target_tenant) ?? target_tenant),
      revision,
    ),
  delete: ({ cloud, subject }, id) => cloud.networks.rbacPolicies.delete(subject, id),
};

export const rbacPolicyOperations = resourceOperations(rbacPolicies);
