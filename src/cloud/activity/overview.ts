import type { Cloud } from '../cloud.ts';
import { type Amounts, capacityOf } from '../hosts/model.ts';
import { projectOf, type Subject } from '../identity/subject.ts';
import type { Limits } from '../quotas/quotas.ts';
import type { CountedQuota } from '../quotas/usage.ts';

/** Something that somebody should look at. */
export interface Concern {
  kind: 'server_error' | 'image_failed' | 'volume_error' | 'host_disconnected' | 'action_parked';
  resourceType: string;
  resourceId: string;
  name: string;
  /** What is known of the cause. */
  message: string;
  /** Since when, microseconds. */
  since: number;
}

/** What a home page shows of the subject's project, and of the whole cloud to administrators. */
export interface Overview {
  servers: Record<string, number>;
  limits: Limits;
  usage: Record<CountedQuota, number>;
  /** Null for those who are no administrators. */
  capacity: { hosts: number; connected: number; total: Amounts; used: Amounts } | null;
  concerns: Concern[];
}

const maxConcerns = 20;

/** Counts what there is now. Concerns are of the subject's project; for administrators, of every project and host. */
export async function overview(cloud: Cloud, subject: Subject): Promise<Overview> {
  const projectId = projectOf(subject);
  const states = await cloud.db.read
    .selectFrom('servers')
    .select((e) => ['vm_state', e.fn.countAll<number>().as('count')])
    .where('project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .groupBy('vm_state')
    .execute();
  return {
    servers: Object.fromEntries(states.map(({ vm_state, count }) => [vm_state, count])),
    limits: await cloud.quotas.limits(subject, projectId),
    usage: await cloud.quotas.usage(subject, projectId),
    capacity: subject.isAdmin ? await capacity(cloud) : null,
    concerns: await concerns(cloud, subject.isAdmin ? undefined : projectId),
  };
}

async function capacity(cloud: Cloud): Promise<Overview['capacity']> {
  const hosts = await cloud.hosts.usage();
  const sum = (of: (host: (typeof hosts)[number]) => Amounts): Amounts =>
    hosts.map(of).reduce(
      (a, b) => ({
        vcpus: a.vcpus + b.vcpus,
        memoryMb: a.memoryMb + b.memoryMb,
        diskGb: a.diskGb + b.diskGb,
      }),
      { vcpus: 0, memoryMb: 0, diskGb: 0 },
    );
  return {
    hosts: hosts.length,
    connected: hosts.filter(({ host }) => host.status === 'connected').length,
    total: sum(({ host }) => capacityOf(host)),
    used: sum(({ used }) => used),
  };
}

async function concerns(cloud: Cloud, projectId: string | undefined): Promise<Concern[]> {
  const { read } = cloud.db;
  let servers = read.selectFrom('servers').select(['id', 'name', 'fault', 'updated_at']);
  servers = servers.where('vm_state', '=', 'error').where('deleted_at', 'is', null);
  if (projectId) servers = servers.where('project_id', '=', projectId);
  let volumes = read.selectFrom('volumes').select(['id', 'name', 'last_error', 'updated_at']);
  volumes = volumes.where('status', 'like', 'error%').where('origin', '=', 'volume').where('deleted_at', 'is', null);
  if (projectId) volumes = volumes.where('project_id', '=', projectId);
  let parked = read.selectFrom('actions').select(['id', 'name', 'resource_type', 'error', 'updated_at']);
  parked = parked.where('state', '=', 'parked').where('finished_at', 'is', null);
  if (projectId) parked = parked.where('project_id', '=', projectId);
  const found: Concern[] = [];
  for (const row of await servers.orderBy('updated_at', 'desc').limit(maxConcerns).execute()) {
    const message = messageOf(row.fault);
    found.push({
      kind: 'server_error',
      resourceType: 'server',
      resourceId: row.id,
      name: row.name,
      message,
      since: row.updated_at,
    });
  }
  for (const row of await volumes.orderBy('updated_at', 'desc').limit(maxConcerns).execute()) {
    const about = { resourceType: 'volume', resourceId: row.id, name: row.name ?? row.id };
    found.push({ kind: 'volume_error', ...about, message: row.last_error ?? '', since: row.updated_at });
  }
  for (const row of await parked.orderBy('updated_at', 'desc').limit(maxConcerns).execute()) {
    const about = { resourceType: 'action', resourceId: row.id, name: `${row.resource_type} ${row.name}` };
    found.push({ kind: 'action_parked', ...about, message: messageOf(row.error), since: row.updated_at });
  }
  if (projectId === undefined) {
    for (const { host } of await cloud.hosts.usage()) {
      if (host.status === 'connected') continue;
      const about = { resourceType: 'host', resourceId: host.id, name: host.name };
      found.push({ kind: 'host_disconnected', ...about, message: host.status, since: host.updatedAt });
    }
  }
  return found.toSorted((a, b) => b.since - a.since).slice(0, maxConcerns);
}

function messageOf(text: string | null): string {
  if (!text) return '';
  return (JSON.parse(text) as { message?: string }).message ?? '';
}
