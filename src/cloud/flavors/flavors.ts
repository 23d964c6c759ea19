import { ConstraintViolation, type Tx } from '../../database/database.ts';
import type { FlavorsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { FlavorAccess } from './access.ts';

/** A size of server. ZStack calls it an instance offering. */
export interface Flavor {
  /** Free text; `uuid` is the same flavor's id for clients that know only UUIDs. */
  id: string;
  uuid: string;
  name: string;
  description: string | null;
  vcpus: number;
  memoryMb: number;
  diskGb: number;
  ephemeralGb: number;
  swapMb: number;
  rxtxFactor: number;
  isPublic: boolean;
  enabled: boolean;
  extraSpecs: Record<string, string>;
  createdAt: number;
  updatedAt: number;
}

export interface NewFlavor {
  id?: string;
  uuid?: string;
  name: string;
  description?: string | null;
  vcpus: number;
  memoryMb: number;
  diskGb: number;
  ephemeralGb?: number;
  swapMb?: number;
  rxtxFactor?: number;
  isPublic?: boolean;
  extraSpecs?: Record<string, string>;
}

/** The sizes a new cloud begins with: the usual ones, and two that suit TinyLinux. */
const firstFlavors: readonly NewFlavor[] = [
  { id: '1', name: 'm1.tiny', vcpus: 1, memoryMb: 512, diskGb: 1 },
  { id: '2', name: 'm1.small', vcpus: 1, memoryMb: 2048, diskGb: 20 },
  { id: '3', name: 'm1.medium', vcpus: 2, memoryMb: 4096, diskGb: 40 },
  { id: '4', name: 'm1.large', vcpus: 4, memoryMb: 8192, diskGb: 80 },
  { id: '5', name: 'm1.xlarge', vcpus: 8, memoryMb: 16384, diskGb: 160 },
  { id: '42', name: 'm1.nano', vcpus: 1, memoryMb: 128, diskGb: 1 },
  { id: '84', name: 'm1.micro', vcpus: 1, memoryMb: 192, diskGb: 1 },
];

export class Flavors {
  readonly #core: CloudCore;
  readonly #byId;
  /** Who may use private ones. */
  readonly access: FlavorAccess;

  constructor(core: CloudCore) {
    this.#core = core;
    this.access = new FlavorAccess(core);
    this.#byId = core.db.prepare<{ id: string }, FlavorsTable>((q, p) =>
      q
        .selectFrom('flavors')
        .selectAll()
        .where((e) => e.or([e('id', '=', p.id), e('uuid', '=', p.id)])),
    );
  }

  async bootstrap(tx: Tx): Promise<void> {
    if (await tx.selectFrom('flavors').select('id').executeTakeFirst()) return;
    for (const flavor of firstFlavors) await this.#insert(tx, flavor);
  }

  /** By OpenStack's id or ZStack's uuid. */
  async get(subject: Subject, id: string): Promise<Flavor> {
    const row = await this.#byId.first({ id });
    const isVisible = row && (row.is_public || subject.isAdmin || (await this.access.has(row.id, subject.projectId)));
    if (!isVisible) throw flavorNotFound(id);
    return flavorFromRow(row);
  }

  /** All that the subject may use, smallest first. */
  async list(subject: Subject, filter: { isPublic?: boolean | 'all' } = {}): Promise<Flavor[]> {
    let query = this.#core.db.read.selectFrom('flavors').selectAll().orderBy('memory_mb').orderBy('id');
    const wanted = subject.isAdmin ? (filter.isPublic ?? true) : true;
    if (wanted !== 'all') {
      const own = this.#core.db.read
        .selectFrom('flavor_projects')
        .select('flavor_id')
        .where('project_id', '=', subject.projectId ?? '');
      query = query.where((e) =>
        wanted ? e.or([e('is_public', '=', 1), e('id', 'in', own)]) : e('is_public', '=', 0),
      );
    }
    return (await query.execute()).map(flavorFromRow);
  }

  async create(flavor: NewFlavor): Promise<Flavor> {
    try {
      return await this.#core.db.write((tx) => this.#insert(tx, flavor));
    } catch (error) {
      if (!(error instanceof ConstraintViolation)) throw error;
      const orId = flavor.id === undefined ? '' : ` or ID ${flavor.id}`;
      throw new CloudError('duplicate', `Flavor with name ${flavor.name}${orId} already exists.`);
    }
  }

  /** What changes nothing of the servers there are. Throws `not_found`. */
  async update(
    subject: Subject,
    id: string,
    { name, description, enabled }: { name?: string; description?: string | null; enabled?: boolean },
  ): Promise<Flavor> {
    const flavor = await this.get(subject, id);
    const flag = enabled === undefined ? undefined : enabled ? 1 : 0;
    const values = { name, description, enabled: flag, updated_at: this.#core.env.now() } as const;
    await this.#core.db.write((tx) => tx.updateTable('flavors').set(values).where('id', '=', flavor.id).execute());
    return await this.get(subject, id);
  }

  /** Servers keep the flavor they have; no new ones can be made of it. */
  async delete(subject: Subject, id: string): Promise<void> {
    const flavor = await this.get(subject, id);
    await this.#core.db.write(async (tx) => {
      await this.access.forget(tx, flavor.id);
      await tx.deleteFrom('flavors').where('id', '=', flavor.id).execute();
    });
  }

  async setDescription(subject: Subject, id: string, description: string | null): Promise<Flavor> {
    const flavor = await this.get(subject, id);
    const values = { description, updated_at: this.#core.env.now() };
    await this.#core.db.write((tx) =>
      tx.updateTable('flavors').set(values).where('id', '=', flavor.id).executeTakeFirst(),
    );
    return await this.get(subject, id);
  }

  async setExtraSpecs(subject: Subject, id: string, change: (specs: Record<string, string>) => void): Promise<Flavor> {
    const { id: flavorId } = await this.get(subject, id);
    await this.#core.db.write(async (tx) => {
      const row = await tx
        .selectFrom('flavors')
        .select('extra_specs')
        .where('id', '=', flavorId)
        .forNoKeyUpdate()
        .executeTakeFirst();
      if (!row) throw flavorNotFound(id);
      const specs = JSON.parse(row.extra_specs) as Record<string, string>;
      change(specs);
      const values = { extra_specs: JSON.stringify(specs), updated_at: this.#core.env.now() };
      await tx.updateTable('flavors').set(values).where('id', '=', flavorId).execute();
    });
    return await this.get(subject, id);
  }

  async #insert(tx: Tx, flavor: NewFlavor): Promise<Flavor> {
    const now = this.#core.env.now();
    const uuid = flavor.uuid ?? newId(this.#core.env);
    const row: FlavorsTable = {
      id: flavor.id ?? uuid,
      uuid,
      name: flavor.name,
      description: flavor.description ?? null,
      vcpus: flavor.vcpus,
      memory_mb: flavor.memoryMb,
      disk_gb: flavor.diskGb,
      ephemeral_gb: flavor.ephemeralGb ?? 0,
      swap_mb: flavor.swapMb ?? 0,
      rxtx_factor: flavor.rxtxFactor ?? 1,
      is_public: flavor.isPublic === false ? 0 : 1,
      enabled: 1,
      extra_specs: JSON.stringify(flavor.extraSpecs ?? {}),
      created_at: now,
      updated_at: now,
    };
    await tx.insertInto('flavors').values(row).execute();
    return flavorFromRow(row);
  }
}

function flavorFromRow(row: FlavorsTable): Flavor {
  return {
    id: row.id,
    uuid: row.uuid,
    name: row.name,
    description: row.description,
    vcpus: row.vcpus,
    memoryMb: row.memory_mb,
    diskGb: row.disk_gb,
    ephemeralGb: row.ephemeral_gb,
    swapMb: row.swap_mb,
    rxtxFactor: row.rxtx_factor,
    isPublic: row.is_public === 1,
    enabled: row.enabled === 1,
    extraSpecs: JSON.parse(row.extra_specs) as Record<string, string>,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function flavorNotFound(id: string): CloudError {
  return notFound('flavor', id, `Flavor ${id} could not be found.`);
}
