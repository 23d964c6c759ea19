import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { projectOf } from '../../../cloud/identity/subject.ts';
import type { Limits } from '../../../cloud/quotas/quotas.ts';
import { localVolumeType } from '../../../cloud/volumes/types.ts';
import { parseId } from '../../../env/env.ts';
import { queryFlag } from '../common/query.ts';

/** What Cinder limits and this cloud does not. */
const unlimited = [
  'snapshots',
  'backups',
  'backup_gigabytes',
  'groups',
  'per_volume_gigabytes',
  ...['volumes', 'gigabytes', 'snapshots'].map((name) => `${name}_${localVolumeType.name}`),
];
const limited = ['volumes', 'gigabytes'] as const;

const QuotaSet = Type.Object({
  quota_set: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }),
});
const params = Type.Object({ target_project_id: Type.String() });
const exampleProject = '776a290892b747c4af8cec5d1d1b4a3f';
const example = { params: { target_project_id: exampleProject } };
const common = { dialect: 'volume', group: 'quotas', since: '3.0', mode: 'sync', params } as const;

function projectIn(call: { params: { target_project_id: string } }): string {
  return parseId(call.params.target_project_id) ?? call.params.target_project_id;
}

function limitsView(limits: Limits): Record<string, number> {
  return {
    ...Object.fromEntries(unlimited.map((name) => [name, -1])),
    volumes: limits.volumes,
    gigabytes: limits.gigabytes,
  };
}

async function withUsage({ cloud, subject }: Pick<Call, 'cloud' | 'subject'>, projectId: string, limits: Limits) {
  const used: Record<string, number> = { ...(await cloud.quotas.usage(subject, projectId)) };
  const all = Object.entries(limitsView(limits));
  return Object.fromEntries(
    all.map(([name, limit]) => [name, { limit, in_use: used[name] ?? 0, reserved: 0, allocated: 0 }]),
  );
}

export const quotaOperations = [
  operation({
    ...common,
    id: 'ShowVolumeQuotas',
    method: 'GET',
    path: '/os-quota-sets/{target_project_id}',
    allow: 'reader',
    query: Type.Object({ usage: Type.Optional(Type.String({ description: 'True: with what is in use.' })) }),
    responses: { 200: QuotaSet },
    errors: [401, 403],
    title: "Show a project's quotas",
    summary: 'How much block storage a project may have; -1 for as much as there is.',
    examples: [{ title: 'With usage', ...example, query: { usage: 'True' }, status: 200 }],
    handle: async (call) => {
      const id = projectIn(call);
      const limits = await call.cloud.quotas.limits(call.subject, id);
      const set = queryFlag(call.query.usage) ? await withUsage(call, id, limits) : limitsView(limits);
      return { body: { quota_set: { id, ...set } } };
    },
  }),
  operation({
    ...common,
    id: 'ShowDefaultVolumeQuotas',
    method: 'GET',
    path: '/os-quota-sets/{target_project_id}/defaults',
    allow: 'reader',
    responses: { 200: QuotaSet },
    errors: [401],
    title: 'Show the default quotas',
    summary: 'The limits of projects that have none of their own.',
    examples: [{ title: 'Defaults', ...example, status: 200 }],
    handle: (call) => ({ body: { quota_set: { id: projectIn(call), ...limitsView(call.cloud.quotas.defaults) } } }),
  }),
  operation({
    ...common,
    id: 'UpdateVolumeQuotas',
    method: 'PUT',
    path: '/os-quota-sets/{target_project_id}',
    allow: 'admin',
    body: Type.Object({
      quota_set: Type.Unsafe<Record<string, number | string>>({ type: 'object', additionalProperties: true }),
    }),
    responses: { 200: QuotaSet },
    errors: [400, 401, 403],
    title: "Update a project's quotas",
    summary: 'Limits the number of volumes and the gigabytes that they and their snapshots have together.',
    examples: [{ title: 'Ten volumes', ...example, body: { quota_set: { volumes: 10 } }, status: 200 }],
    handle: async (call) => {
      const limits = await call.cloud.quotas.setLimits(call.subject, projectIn(call), changesOf(call.body.quota_set));
      return { body: { quota_set: limitsView(limits) } };
    },
  }),
  operation({
    ...common,
    id: 'ResetVolumeQuotas',
    method: 'DELETE',
    path: '/os-quota-sets/{target_project_id}',
    allow: 'admin',
    responses: { 200: null },
    errors: [401, 403],
    title: "Reset a project's quotas",
    summary: 'Gives the project the default limits again.',
    examples: [{ title: 'By project', ...example, status: 200 }],
    handle: async (call) => {
      const { volumes, gigabytes } = call.cloud.quotas.defaults;
      await call.cloud.quotas.setLimits(call.subject, projectIn(call), { volumes, gigabytes });
      return { status: 200 };
    },
  }),
  operation({
    ...common,
    id: 'ShowVolumeLimits',
    group: 'limits',
    method: 'GET',
    path: '/limits',
    params: undefined,
    allow: 'reader',
    responses: {
      200: Type.Object({
        limits: Type.Object({
          rate: Type.Array(Type.Unknown()),
          absolute: Type.Unsafe<Record<string, number>>({ type: 'object', additionalProperties: { type: 'integer' } }),
        }),
      }),
    },
    errors: [401],
    title: 'Show limits',
    summary: 'What the project may have, and what it has.',
    examples: [{ title: 'Of the project', status: 200 }],
    handle: async ({ cloud, subject }) => {
      const projectId = projectOf(subject);
      const limits = await cloud.quotas.limits(subject, projectId);
      const used = await cloud.quotas.usage(subject, projectId);
      const page = { limit: 1_000_000, sort: [{ key: 'created_at', direction: 'desc' }] } as const;
      const snapshots = await cloud.blockStorage.listSnapshots(subject, {}, page);
      const absolute = {
        maxTotalVolumes: limits.volumes,
        totalVolumesUsed: used.volumes,
        maxTotalVolumeGigabytes: limits.gigabytes,
        totalGigabytesUsed: used.gigabytes,
        maxTotalSnapshots: -1,
        totalSnapshotsUsed: snapshots.length,
        maxTotalBackups: -1,
        totalBackupsUsed: 0,
        maxTotalBackupGigabytes: -1,
        totalBackupGigabytesUsed: 0,
      };
      return { body: { limits: { rate: [], absolute } } };
    },
  }),
];

/** What can be limited is; what can't may only be said to be unlimited. */
function changesOf(wanted: Record<string, number | string>): Partial<Limits> {
  const changes: Partial<Limits> = {};
  for (const [name, value] of Object.entries(wanted)) {
    if (name === 'tenant_id' || name === 'project_id' || name === 'force') continue;
    const limit = Number(value);
    const known = limited.find((one) => one === name);
    if (known) changes[known] = limit;
    else if (!unlimited.includes(name)) throw new CloudError('invalid', `Bad key(s) in quota set: ${name}`);
    else if (limit !== -1) throw new CloudError('invalid', `The quota ${name} can't be limited here.`, { field: name });
  }
  return changes;
}
