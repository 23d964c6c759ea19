import type { Queryable, Tx } from '../../database/database.ts';
import type { ResourceSettingsTable } from '../../database/schema.ts';
import { statement } from '../../database/statement.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { setCpuRatios } from '../hosts/cpu-ratios.ts';
import { requireAdmin, type Subject } from '../identity/subject.ts';

export type ResourceType = ResourceSettingsTable['resource_type'];

interface Definition {
  /** What can have it, the nearest first: what a server has wins over what its cluster has. */
  of: readonly ResourceType[];
  least: number;
  most: number;
}

const serverAndPlaces = ['server', 'cluster', 'zone'] as const;

/** What single resources may have instead of a setting of the whole cloud, with the least and the most it can be. */
export const resourceSettings = {
  /** Whether deleted servers can be restored for a while: 1; or are gone at once: 0. */
  serverDeletion: { of: serverAndPlaces, least: 0, most: 1 },
  /** For how long, seconds. */
  serverRetention: { of: serverAndPlaces, least: 1, most: 31_536_000 },
  /** How many virtual processors a host gives away for each that it has. */
  cpuRatio: { of: ['host', 'cluster', 'zone'], least: 1, most: 1000 },
} as const satisfies Record<string, Definition>;

export type ResourceSettingName = keyof typeof resourceSettings;

/** What a resource has for itself. */
export interface ResourceSetting {
  id: string;
  resourceType: ResourceType;
  resourceId: string;
  setting: ResourceSettingName;
  value: number;
  /** Microseconds. */
  createdAt: number;
  updatedAt: number;
}

/** What servers are kept for where it is only said that they shall be: seconds. */
const usualServerRetention = 604_800;

/** How long a server that is deleted now can be restored, where nothing but the cloud's setting is asked: seconds. */
export function retentionWhereKept(reclaimInterval: number, atStart: number): number {
  return reclaimInterval || atStart || usualServerRetention;
}

/** Where a resource is: its own id and those of the places around it, the nearest first. */
type Chain = readonly string[];

const ofServer = statement<{ id: string; hostId: string; zoneId: string }, ResourceSettingsTable>((q, p) =>
  q
    .selectFrom('resource_settings')
    .selectAll()
    .where((e) =>
      e.or([
        e('resource_id', 'in', [p.id, p.zoneId]),
        e('resource_id', '=', e.selectFrom('hosts').select('cluster_id').where('id', '=', p.hostId)),
      ]),
    ),
);

/** Settings that servers, hosts, clusters and zones have for themselves. They hold from the moment that they are set. */
export class ResourceSettings {
  readonly #core: Pick<CloudCore, 'db' | 'env' | 'settings'>;
  readonly #reclaimAtStart: number;

  constructor(core: Pick<CloudCore, 'db' | 'env' | 'settings'>) {
    this.#core = core;
    this.#reclaimAtStart = core.settings.reclaimInterval;
  }

  /**
   * Gives a resource settings of its own: all of them, or none where one is wrong. For administrators. Throws `not_found`,
   * and `invalid`: `not_bindable` for a kind of resource that can't have one, `out_of_range`; with its name as `field`.
   */
  async set(
    subject: Subject,
    resourceId: string,
    values: ReadonlyMap<ResourceSettingName, number>,
  ): Promise<ResourceSetting[]> {
    requireAdmin(subject, 'change_settings');
    return await this.#core.db.write(async (tx) => {
      const resourceType = await this.#typeOf(tx, resourceId);
      const all: ResourceSetting[] = [];
      for (const [setting, value] of values) {
        refuseWrong(setting, resourceType, value);
        all.push(await this.#put(tx, { resourceType, resourceId, setting, value }));
      }
      if (values.has('cpuRatio')) await setCpuRatios(this.#core.db, tx, this.#core.settings.cpuRatio);
      return all;
    });
  }

  /** Takes it from the resource, for which the next place's holds then. What it has not is taken already. */
  async remove(subject: Subject, resourceId: string, setting: ResourceSettingName): Promise<void> {
    requireAdmin(subject, 'change_settings');
    await this.#core.db.write(async (tx) => {
      await tx
        .deleteFrom('resource_settings')
        .where('resource_id', '=', resourceId)
        .where('setting', '=', setting)
        .execute();
      if (setting === 'cpuRatio') await setCpuRatios(this.#core.db, tx, this.#core.settings.cpuRatio);
    });
  }

  /**
   * What holds for a resource: what it has itself, and what the places around it have, the nearest first. Empty where the
   * cloud's setting holds. Throws `not_found` for what is not there, or is no place and not the subject's.
   */
  async holdingFor(
    subject: Subject,
    resourceId: string,
    settings: readonly ResourceSettingName[],
  ): Promise<ResourceSetting[]> {
    const { read } = this.#core.db;
    const resourceType = await this.#typeOf(read, resourceId, subject);
    const chain = await chainOf(read, resourceType, resourceId);
    const wanted = settings.filter((name) => (resourceSettings[name].of as readonly string[]).includes(resourceType));
    const rows = await read
      .selectFrom('resource_settings')
      .selectAll()
      .where('resource_id', 'in', [...chain])
      .where('setting', 'in', ['', ...wanted])
      .execute();
    return rows.map(settingFromRow).toSorted(nearestFirst(chain));
  }

  /** How long the server can be restored if it is deleted now, seconds; 0 where it is gone at once. */
  async serverRetention(server: { id: string; hostId: string | null; zoneId: string }): Promise<number> {
    const { id, zoneId } = server;
    const rows = await ofServer.all(this.#core.db.read, { id, zoneId, hostId: server.hostId ?? '' });
    const { reclaimInterval } = this.#core.settings;
    if (rows.length === 0) return reclaimInterval;
    const order = ['server', 'cluster', 'zone'];
    const near = rows.toSorted((a, b) => order.indexOf(a.resource_type) - order.indexOf(b.resource_type));
    const own = (setting: ResourceSettingName) => near.find((row) => row.setting === setting)?.value;
    const isKept = (own('serverDeletion') ?? Number(reclaimInterval > 0)) === 1;
    if (!isKept) return 0;
    return own('serverRetention') ?? retentionWhereKept(reclaimInterval, this.#reclaimAtStart);
  }

  /** The kind of the resource. `subject`: who may know of it; who asks for places may know of all of them. */
  async #typeOf(db: Queryable, id: string, subject?: Subject): Promise<ResourceType> {
    const server = await db
      .selectFrom('servers')
      .select('project_id')
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (server && (!subject || subject.isAdmin || subject.projectId === server.project_id)) return 'server';
    for (const [type, table] of [
      ['cluster', 'clusters'],
      ['zone', 'zones'],
      ['host', 'hosts'],
    ] as const) {
      if (type === 'host' && subject?.isAdmin === false) break;
      if (await db.selectFrom(table).select('id').where('id', '=', id).executeTakeFirst()) return type;
    }
    throw notFound('resource', id);
  }

  async #put(
    tx: Tx,
    wanted: Pick<ResourceSetting, 'resourceType' | 'resourceId' | 'setting' | 'value'>,
  ): Promise<ResourceSetting> {
    const { resourceType, resourceId, setting, value } = wanted;
    const now = this.#core.env.now();
    const row: ResourceSettingsTable = {
      id: newId(this.#core.env),
      resource_id: resourceId,
      resource_type: resourceType,
      setting,
      value,
      created_at: now,
      updated_at: now,
    };
    const put = await tx
      .insertInto('resource_settings')
      .values(row)
      .onConflict((known) => known.columns(['resource_id', 'setting']).doUpdateSet({ value, updated_at: now }))
      .returningAll()
      .executeTakeFirstOrThrow();
    return settingFromRow(put);
  }
}

/** The resource and the places around it, the nearest first. */
async function chainOf(db: Queryable, type: ResourceType, id: string): Promise<Chain> {
  if (type === 'zone') return [id];
  if (type === 'cluster') {
    const row = await db.selectFrom('clusters').select('zone_id').where('id', '=', id).executeTakeFirst();
    return [id, row?.zone_id ?? ''];
  }
  if (type === 'host') {
    const row = await db.selectFrom('hosts').select(['cluster_id', 'zone_id']).where('id', '=', id).executeTakeFirst();
    return [id, row?.cluster_id ?? '', row?.zone_id ?? ''];
  }
  const row = await db
    .selectFrom('servers')
    .leftJoin('hosts', 'hosts.id', 'servers.host_id')
    .select(['hosts.cluster_id', 'servers.zone_id'])
    .where('servers.id', '=', id)
    .executeTakeFirst();
  return [id, row?.cluster_id ?? '', row?.zone_id ?? ''];
}

function nearestFirst(chain: Chain): (a: ResourceSetting, b: ResourceSetting) => number {
  return (a, b) => chain.indexOf(a.resourceId) - chain.indexOf(b.resourceId);
}

function refuseWrong(setting: ResourceSettingName, type: ResourceType, value: number): void {
  const { of, least, most }: Definition = resourceSettings[setting];
  if (!of.includes(type)) {
    const words = `A ${type} can't have ${setting} for itself.`;
    throw new CloudError('invalid', words, { reason: 'not_bindable', field: setting, resource: type });
  }
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    const words = `${setting} must be a whole number from ${least} to ${most}`;
    throw new CloudError('invalid', words, { reason: 'out_of_range', field: setting });
  }
}

function settingFromRow(row: ResourceSettingsTable): ResourceSetting {
  return {
    id: row.id,
    resourceType: row.resource_type,
    resourceId: row.resource_id,
    setting: row.setting as ResourceSettingName,
    value: row.value,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
