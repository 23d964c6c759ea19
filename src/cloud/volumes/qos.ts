import type { DiskLimits } from '../../agent/contract.ts';
import type { QosSpecsTable } from '../../database/schema.ts';
import { newId, withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError, notFound } from '../errors.ts';
import { requireAdmin, type Subject } from '../identity/subject.ts';
import { limitsFrom, specsForSize } from './disk-limits.ts';
import type { Volume } from './model.ts';
import { combinedLimits } from './own-limits.ts';
import { type VolumeType, volumeTypeFromRow } from './type-model.ts';

/** Limits of what guests may do with volumes. */
export interface QosSpecs {
  id: string;
  name: string;
  /** Who is to keep them: `front-end` is the guest's hypervisor, which does. No storage of its own (`back-end`) does. */
  consumer: QosSpecsTable['consumer'];
  specs: Record<string, string>;
}

function fromRow(row: QosSpecsTable): QosSpecs {
  const { id, name, consumer } = row;
  return { id, name, consumer, specs: JSON.parse(row.specs) as Record<string, string> };
}

type Specs = Record<string, string>;

/** QoS specs: for administrators only. */
export class VolumeQos {
  readonly #cloud: Cloud;
  readonly #frontEnd;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
    this.#frontEnd = cloud.db.prepare<{ typeId: string }, Pick<QosSpecsTable, 'specs'>>((q, p) =>
      q
        .selectFrom('qos_specs')
        .innerJoin('volume_types', 'volume_types.qos_specs_id', 'qos_specs.id')
        .select('qos_specs.specs')
        .where('volume_types.id', '=', p.typeId)
        .where('qos_specs.consumer', '!=', 'back-end'),
    );
  }

  /** What the hypervisor is to keep to for volumes of a type. */
  async frontEndSpecs(typeId: string): Promise<Specs | undefined> {
    const row = await this.#frontEnd.first({ typeId });
    return row && (JSON.parse(row.specs) as Specs);
  }

  /** The limits of a volume of that type and size (bytes), undefined where there are none. */
  async limitsOf(typeId: string, size: number): Promise<DiskLimits | undefined> {
    const specs = await this.frontEndSpecs(typeId);
    return specs && limitsFrom(specsForSize(specs, size));
  }

  /** What holds for a volume: its type's limits and its own. */
  async limitsOfVolume({ volumeType, size, ownLimits }: Volume): Promise<DiskLimits | undefined> {
    return combinedLimits(await this.limitsOf(volumeType, size), ownLimits);
  }

  async list(subject: Subject): Promise<QosSpecs[]> {
    requireAdmin(subject, 'volume_extension:qos_specs_manage:get_all');
    const rows = await this.#cloud.db.read.selectFrom('qos_specs').selectAll().orderBy('created_at', 'desc').execute();
    return rows.map(fromRow);
  }

  async get(subject: Subject, id: string): Promise<QosSpecs> {
    requireAdmin(subject, 'volume_extension:qos_specs_manage:get');
    const row = await this.#cloud.db.read.selectFrom('qos_specs').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) throw qosNotFound(id);
    return fromRow(row);
  }

  async create(subject: Subject, wanted: Omit<QosSpecs, 'id'>): Promise<QosSpecs> {
    requireAdmin(subject, 'volume_extension:qos_specs_manage:create');
    const { db, env } = this.#cloud;
    const row: QosSpecsTable = {
      id: newId(env),
      name: wanted.name,
      consumer: wanted.consumer,
      specs: JSON.stringify(wanted.specs),
      created_at: env.now(),
      updated_at: env.now(),
    };
    await db.write(async (tx) => {
      const taken = await tx.selectFrom('qos_specs').select('id').where('name', '=', row.name).executeTakeFirst();
      if (taken) throw new CloudError('duplicate', `Qos Specs ${row.name} already exists.`);
      await tx.insertInto('qos_specs').values(row).execute();
    });
    return fromRow(row);
  }

  /** `change` gets a copy of the specs and returns what they shall be. */
  async setSpecs(subject: Subject, id: string, change: (specs: Specs) => Specs, consumer?: QosSpecs['consumer']) {
    requireAdmin(subject, 'volume_extension:qos_specs_manage:update');
    const { db, env } = this.#cloud;
    await db.write(async (tx) => {
      const query = tx.selectFrom('qos_specs').selectAll().where('id', '=', id);
      const row = await query.forNoKeyUpdate().executeTakeFirst();
      if (!row) throw qosNotFound(id);
      const specs = JSON.stringify(change(fromRow(row).specs));
      await tx
        .updateTable('qos_specs')
        .set({ specs, updated_at: env.now(), ...(consumer ? { consumer } : {}) })
        .where('id', '=', id)
        .execute();
    });
    return this.get(subject, id);
  }

  /** Refuses specs that types name, unless `force` takes them away from those. */
  async delete(subject: Subject, id: string, options: { force: boolean }): Promise<void> {
    await this.get(subject, id);
    await this.#cloud.db.write(async (tx) => {
      const users = await tx.selectFrom('volume_types').select('id').where('qos_specs_id', '=', id).execute();
      if (users.length > 0 && !options.force) {
        const words = `Qos Specs ${withDashes(id)} is still associated with entities.`;
        throw new CloudError('invalid', words, { reason: 'in_use' });
      }
      await tx.updateTable('volume_types').set({ qos_specs_id: null }).where('qos_specs_id', '=', id).execute();
      await tx.deleteFrom('qos_specs').where('id', '=', id).execute();
    });
  }

  /** The volume types that the specs hold for. */
  async associations(subject: Subject, id: string): Promise<VolumeType[]> {
    await this.get(subject, id);
    const rows = await this.#cloud.db.read
      .selectFrom('volume_types')
      .selectAll()
      .where('qos_specs_id', '=', id)
      .where('deleted_at', 'is', null)
      .execute();
    return rows.map(volumeTypeFromRow);
  }

  async disassociateAll(subject: Subject, id: string): Promise<void> {
    await this.get(subject, id);
    await this.#cloud.db.write((tx) =>
      tx.updateTable('volume_types').set({ qos_specs_id: null }).where('qos_specs_id', '=', id).execute(),
    );
  }
}

function qosNotFound(id: string): CloudError {
  return notFound('qos_specs', id, `No such qos spec ${withDashes(id)}.`);
}
