import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import type { Limits } from '../../../cloud/quotas/quotas.ts';
import { minorOf } from './microversions.ts';
import { Changes, changesOf, classNamesAt, quotaSchema, quotaView } from './quotas.ts';
import { closed } from './wire.ts';

const common = { dialect: 'compute', group: 'quotas', since: '2.1', mode: 'sync', allow: 'admin' } as const;
const Params = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 255, description: '`default`, which is the only class that counts.' }),
});
const example = { id: 'default' };
const ClassDocument = Type.Object({ quota_class_set: quotaSchema });

/** Limits of server groups are told from 2.50 on, though they could always be set. */
function classView(limits: Limits, minor: number) {
  const { server_groups, server_group_members, ...others } = classNamesAt(minor);
  return quotaView(limits, minor < 50 ? others : classNamesAt(minor));
}

/** What projects may have that have no quotas of their own. */
export const quotaClassOperations = [
  operation({
    ...common,
    id: 'ShowQuotaClass',
    method: 'GET',
    path: '/os-quota-class-sets/{id}',
    params: Params,
    responses: { 200: ClassDocument },
    errors: [401, 403],
    title: 'Show the default quotas',
    summary: 'What projects may have that have no quotas of their own.',
    examples: [{ title: 'The defaults', params: example, status: 200 }],
    async handle({ cloud, params: { id }, context }) {
      const limits = await cloud.quotas.limitsOfClass(id);
      return { body: { quota_class_set: { id, ...classView(limits, minorOf(context)) } } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateQuotaClass',
    method: 'PUT',
    path: '/os-quota-class-sets/{id}',
    params: Params,
    body: closed({ quota_class_set: Changes.properties.quota_set }),
    responses: { 200: ClassDocument },
    errors: [400, 401, 403],
    title: 'Update the default quotas',
    summary: 'Sets what projects may have that have no quotas of their own. Limits that are not named stay.',
    examples: [{ title: 'Servers', params: example, body: { quota_class_set: { instances: 100 } }, status: 200 }],
    async handle({ cloud, subject, params: { id }, body, context }) {
      const minor = minorOf(context);
      const changes = changesOf(body.quota_class_set as Record<string, number | string>, classNamesAt(minor));
      const limits = await cloud.quotas.setLimitsOfClass(subject, id, changes);
      return { body: { quota_class_set: classView(limits, minor) } };
    },
  }),
];
