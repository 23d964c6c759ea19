import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { projectOf } from '../../../cloud/identity/subject.ts';
import type { Limits } from '../../../cloud/quotas/quotas.ts';
import { isCounted } from '../../../cloud/quotas/usage.ts';
import type { QuotaName } from '../../../cloud/settings.ts';
import {
  everyProject,
  setTypeLimits,
  typeLimits,
  typeQuotaKinds,
  typeUsage,
} from '../../../cloud/volumes/type-quotas.ts';
import { parseId } from '../../../env/env.ts';
import { queryFlag } from '../common/query.ts';

/** Cinder's name → the engine's. */
const names = {
  volumes: 'volumes',
  gigabytes: 'gigabytes',
  per_volume_gigabytes: 'per_volume_gigabytes',
  snapshots: 'snapshots',
  backups: 'backups',
  backup_gigabytes: 'backup_gigabytes',
  groups: 'volume_groups',
} as const satisfies Record<string, QuotaName>;
const limited = Object.entries(names);

type Values = Record<string, number | string | null>;
const AnyValues = Type.Unsafe<Values>({ type: 'object', additionalProperties: true });
const QuotaSet = Type.Object({ quota_set: AnyValues });
const ClassSet = Type.Object({ quota_class_set: AnyValues });
const params = Type.Object({ target_project_id: Type.String() });
const classParams = Type.Object({ quota_class: Type.String() });
const exampleProject = '776a290892b747c4af8cec5d1d1b4a3f';
const example = { params: { target_project_id: exampleProject } };
const classExample = { params: { quota_class: 'default' } };
const common = { dialect: 'volume', group: 'quotas', since: '3.0', mode: 'sync', params } as const;

function projectIn(call: { params: { target_project_id: string } }): string {
  return parseId(call.params.target_project_id) ?? call.params.target_project_id;
}

type Asking = Pick<Call, 'cloud' | 'subject'>;

async function typesOf({ cloud, subject }: Asking) {
  return await cloud.blockStorage.types.list({ ...subject, isAdmin: true });
}

/** The limits of everything, and of each type. */
async function limitsView(call: Asking, projectId: string, limits: Limits): Promise<Record<string, number>> {
  const types = await typesOf(call);
  const ofTypes = await typeLimits(
    call.cloud.db.read,
    projectId,
    types.map(({ id }) => id),
  );
  const byType = types.flatMap(({ id, name }) =>
    typeQuotaKinds.map((kind) => [`${kind}_${name}`, ofTypes.get(id)![kind]]),
  );
  return Object.fromEntries([...limited.map(([name, quota]) => [name, limits[quota]]), ...byType]);
}

async function withUsage(call: Asking, projectId: string, limits: Limits) {
  const { cloud, subject } = call;
  const usage = await cloud.quotas.usage(subject, projectId);
  const counted = limited.flatMap(([name, quota]) => (isCounted(quota) ? [[name, usage[quota]]] : []));
  const used: Record<string, number> = Object.fromEntries(counted);
  for (const { id, name } of await typesOf(call)) {
    const ofType = await typeUsage(cloud.db.read, projectId, id);
    for (const kind of typeQuotaKinds) used[`${kind}_${name}`] = ofType[kind];
  }
  const all = Object.entries(await limitsView(call, projectId, limits));
  return Object.fromEntries(all.map(([name, limit]) => [name, { limit, in_use: used[name] ?? 0, reserved: 0 }]));
}

async function setAll(call: Asking, projectId: string, wanted: Values): Promise<void> {
  const { cloud, subject } = call;
  const types = await typesOf(call);
  const changes: Partial<Limits> = {};
  const ofTypes: Array<() => Promise<void>> = [];
  for (const [name, value] of Object.entries(wanted)) {
    if (['tenant_id', 'project_id', 'force', 'id', 'skip_validation'].includes(name)) continue;
    const limit = limitOf(name, value);
    const known = limited.find(([one]) => one === name);
    const type = types.find((one) => typeQuotaKinds.some((kind) => name === `${kind}_${one.name}`));
    if (known) changes[known[1]] = limit;
    else if (type) {
      const kind = name.slice(0, -type.name.length - 1);
      ofTypes.push(() => setTypeLimits(cloud, subject, projectId, type.id, { [kind]: limit }));
    } else throw new CloudError('invalid', `Bad key(s) in quota set: ${name}`);
  }
  await cloud.quotas.setLimits(subject, projectId, changes);
  for (const set of ofTypes) await set();
}

function limitOf(name: string, value: unknown): number {
  const limit = Number(value);
  if (Number.isSafeInteger(limit) && limit >= -1 && value !== null && value !== '') return limit;
  throw new CloudError('invalid', `Invalid input for field/attribute ${name}. Value: ${value}.`, { field: name });
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
    summary: 'How much block storage a project may have, of all types and of each; -1 for as much as there is.',
    examples: [{ title: 'With usage', ...example, query: { usage: 'True' }, status: 200 }],
    handle: async (call) => {
      const id = projectIn(call);
      const limits = await call.cloud.quotas.limits(call.subject, id);
      const set = queryFlag(call.query.usage) ? await withUsage(call, id, limits) : await limitsView(call, id, limits);
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
    handle: async (call) => {
      const limits = await limitsView(call, everyProject, await call.cloud.quotas.defaultLimits());
      return { body: { quota_set: { id: projectIn(call), ...limits } } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateVolumeQuotas',
    method: 'PUT',
    path: '/os-quota-sets/{target_project_id}',
    allow: 'admin',
    body: QuotaSet,
    responses: { 200: QuotaSet },
    errors: [400, 401, 403],
    title: "Update a project's quotas",
    summary:
      'Limits volumes, snapshots and backups, their number and their gigabytes: of all types, or of one; and groups.',
    examples: [{ title: 'Ten volumes', ...example, body: { quota_set: { volumes: 10 } }, status: 200 }],
    handle: async (call) => {
      const id = projectIn(call);
      await setAll(call, id, call.body.quota_set);
      return { body: { quota_set: await limitsView(call, id, await call.cloud.quotas.limits(call.subject, id)) } };
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
      const types = await typesOf(call);
      const ofTypes = types.flatMap(({ id }) => typeQuotaKinds.map((kind) => `${kind}:${id}`));
      await call.cloud.quotas.resetLimits(call.subject, projectIn(call), [...Object.values(names), ...ofTypes]);
      return { status: 200 };
    },
  }),
  operation({
    ...common,
    id: 'ShowVolumeQuotaClass',
    method: 'GET',
    path: '/os-quota-class-sets/{quota_class}',
    params: classParams,
    allow: 'admin',
    responses: { 200: ClassSet },
    errors: [401, 403],
    title: 'Show a quota class',
    summary: 'There is one, `default`: the limits of projects that have none of their own.',
    examples: [{ title: 'The one', ...classExample, status: 200 }],
    handle: async (call) => {
      const limits = await limitsView(call, everyProject, await call.cloud.quotas.defaultLimits());
      return { body: { quota_class_set: { id: call.params.quota_class, ...limits } } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateVolumeQuotaClass',
    method: 'PUT',
    path: '/os-quota-class-sets/{quota_class}',
    params: classParams,
    allow: 'admin',
    body: ClassSet,
    responses: { 200: ClassSet },
    errors: [400, 401, 403],
    title: 'Update a quota class',
    summary: 'Sets the limits of all projects that have none of their own.',
    examples: [{ title: 'Ten volumes', ...classExample, body: { quota_class_set: { volumes: 10 } }, status: 200 }],
    handle: async (call) => {
      if (call.params.quota_class !== 'default') {
        throw new CloudError('invalid', `Invalid input received: there is no quota class but default.`);
      }
      await setAll(call, everyProject, call.body.quota_class_set);
      const limits = await limitsView(call, everyProject, await call.cloud.quotas.defaultLimits());
      return { body: { quota_class_set: limits } };
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
    query: Type.Object({ project_id: Type.Optional(Type.String({ description: 'Of another, for administrators.' })) }),
    responses: {
      200: Type.Object({
        limits: Type.Object({
          rate: Type.Array(Type.Unknown()),
          absolute: Type.Unsafe<Record<string, number>>({ type: 'object', additionalProperties: { type: 'integer' } }),
        }),
      }),
    },
    errors: [401, 403],
    title: 'Show limits',
    summary: 'What the project may have, and what it has.',
    examples: [{ title: 'Of the project', status: 200 }],
    handle: async ({ cloud, subject, query }) => {
      const asked = subject.isAdmin && query.project_id ? parseId(query.project_id) : undefined;
      const projectId = asked ?? projectOf(subject);
      const limits = await cloud.quotas.limits(subject, projectId);
      const used = await cloud.quotas.usage(subject, projectId);
      const absolute = {
        maxTotalVolumes: limits.volumes,
        totalVolumesUsed: used.volumes,
        maxTotalVolumeGigabytes: limits.gigabytes,
        totalGigabytesUsed: used.gigabytes,
        maxTotalSnapshots: limits.snapshots,
        totalSnapshotsUsed: used.snapshots,
        maxTotalBackups: limits.backups,
        totalBackupsUsed: used.backups,
        maxTotalBackupGigabytes: limits.backup_gigabytes,
        totalBackupGigabytesUsed: used.backup_gigabytes,
      };
      return { body: { limits: { rate: [], absolute } } };
    },
  }),
];
