import type { BootDevice } from '../../../agent/contract.ts';
import type { Tx } from '../../../database/database.ts';
import type { CdromsTable } from '../../../database/schema.ts';
import { insertRow, updateRow } from '../../../database/statement.ts';
import { newId, withDashes } from '../../../env/env.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError, notFound } from '../../errors.ts';
import { operator, ownsOrAdmin, type Subject } from '../../identity/subject.ts';
import type { Server } from '../model.ts';
import type { Transition } from '../states.ts';
import { checkTransition, lockServer } from '../transition.ts';
import { requestChangeMedium } from '../transitions/change-medium.ts';

export type { BootDevice };

/** A CD-ROM drive of a server. */
export interface Cdrom {
  id: string;
  serverId: string;
  name: string;
  description: string | null;
  /** Its place among the server's drives, from 0. */
  deviceIndex: number;
  imageId: string | null;
}

/** What is said of a drive that is made with its server. */
export interface NewCdrom {
  name?: string;
  imageId?: string;
}

/** An IDE bus has four places, and one is the config drive's. */
const maxCdroms = 3;
const defaultOrder: readonly BootDevice[] = ['disk', 'cdrom'];

/** Drives can't be plugged into a machine that runs; neither does the order count before its next start. */
const changeDrives: Transition = { name: 'change_drives', from: ['stopped'], task: null };

/** The CD-ROM drives of servers, what is in them, and what servers boot from. */
export class ServerCdroms {
  readonly #cloud: Cloud;
  readonly #ofServer;
  readonly #orderOf;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
    this.#ofServer = cloud.db.prepare<{ serverId: string }, CdromsTable>((q, p) =>
      q.selectFrom('cdroms').selectAll().where('server_id', '=', p.serverId).orderBy('device_index').orderBy('id'),
    );
    this.#orderOf = cloud.db.prepare<{ serverId: string }, { devices: string }>((q, p) =>
      q.selectFrom('boot_orders').select('devices').where('server_id', '=', p.serverId),
    );
  }

  /** For the engine's own use, in the order in which the guest sees them. */
  async ofServer(serverId: string, tx?: Tx): Promise<Cdrom[]> {
    return (await this.#ofServer.all({ serverId }, tx)).map(cdromFromRow);
  }

  async get(subject: Subject, id: string): Promise<Cdrom> {
    const row = await this.#cloud.db.read
      .selectFrom('cdroms')
      .innerJoin('servers', 'servers.id', 'cdroms.server_id')
      .selectAll('cdroms')
      .select('servers.project_id')
      .where('cdroms.id', '=', id)
      .where('servers.deleted_at', 'is', null)
      .executeTakeFirst();
    if (!row || !ownsOrAdmin(subject, row.project_id)) throw notFound('cdrom', id, `CD-ROM ${id} could not be found.`);
    return cdromFromRow(row);
  }

  /** One drive more for a server that is stopped. Throws `conflict`, with reason `no_room` where there are three. */
  async create(
    subject: Subject,
    serverId: string,
    wanted: NewCdrom & { id?: string; description?: string | null },
  ): Promise<Cdrom> {
    if (wanted.imageId !== undefined) await this.requireIso(subject, wanted.imageId);
    const id = wanted.id ?? newId(this.#cloud.env);
    await this.#changing(subject, serverId, async (tx, server) => {
      const taken = await tx.selectFrom('cdroms').select('id').where('id', '=', id).executeTakeFirst();
      if (taken) throw new CloudError('duplicate', `A CD-ROM with the id ${id} exists already.`, { resource: 'cdrom' });
      await this.#insert(tx, server, { ...wanted, id });
    });
    return await this.get(subject, id);
  }

  /** Drives of a server that is being made. Its hardware says how many there may be. */
  async register(tx: Tx, server: Pick<Server, 'id' | 'hardware'>, wanted: readonly NewCdrom[]): Promise<void> {
    for (const one of wanted) await this.#insert(tx, server, { ...one, id: newId(this.#cloud.env) });
  }

  async update(subject: Subject, id: string, changes: { name?: string; description?: string | null }): Promise<void> {
    await this.get(subject, id);
    await this.#cloud.db.write((tx) => updateRow(tx, 'cdroms', id, { ...changes, updated_at: this.#cloud.env.now() }));
  }

  /** Takes a drive from a server that is stopped. */
  async remove(subject: Subject, id: string): Promise<void> {
    const { serverId } = await this.get(subject, id);
    await this.#changing(subject, serverId, async (tx) => {
      await tx.deleteFrom('cdroms').where('id', '=', id).execute();
      await this.#renumber(tx, serverId);
    });
  }

  /** Makes the drive the first one of its server, which is stopped. */
  async setFirst(subject: Subject, serverId: string, id: string): Promise<void> {
    await this.#changing(subject, serverId, async (tx) => {
      const row = await tx.selectFrom('cdroms').select('server_id').where('id', '=', id).executeTakeFirst();
      if (row?.server_id !== serverId) throw notFound('cdrom', id, `CD-ROM ${id} could not be found.`);
      await updateRow(tx, 'cdroms', id, { device_index: -1, updated_at: this.#cloud.env.now() });
      await this.#renumber(tx, serverId);
    });
  }

  /** Puts an ISO image into a drive, in place of what is in it, or empties it: at once where the server runs. */
  async changeMedium(subject: Subject, id: string, imageId: string | null) {
    const cdrom = await this.get(subject, id);
    if (imageId !== null) await this.requireIso(subject, imageId);
    return await requestChangeMedium(this.#cloud, subject, cdrom.serverId, { cdromId: id, imageId });
  }

  /** The drives that have the image, whoever's they are. For the engine's own use. */
  async withImage(imageId: string): Promise<Cdrom[]> {
    const rows = this.#cloud.db.read.selectFrom('cdroms').selectAll().where('image_id', '=', imageId);
    return (await rows.orderBy('id').execute()).map(cdromFromRow);
  }

  /** Takes the image, which is about to go, out of every drive. */
  async takeOut(imageId: string): Promise<Array<{ actionId: string }>> {
    const begun: Array<{ actionId: string }> = [];
    for (const { id } of await this.withImage(imageId)) begun.push(await this.changeMedium(operator(), id, null));
    return begun;
  }

  async bootOrder(serverId: string): Promise<BootDevice[]> {
    const row = await this.#orderOf.first({ serverId });
    return row ? (JSON.parse(row.devices) as BootDevice[]) : [...defaultOrder];
  }

  /** Counts from the server's next start on. None: as it is for servers of whom nothing was said. */
  async setBootOrder(subject: Subject, serverId: string, order: readonly BootDevice[]): Promise<void> {
    await this.#cloud.db.write(async (tx) => {
      await lockServer(tx, subject, serverId);
      await this.sayBootOrder(tx, serverId, order);
    });
  }

  async sayBootOrder(tx: Tx, serverId: string, order: readonly BootDevice[]): Promise<void> {
    await tx.deleteFrom('boot_orders').where('server_id', '=', serverId).execute();
    if (order.length > 0) await insertRow(tx, 'boot_orders', { server_id: serverId, devices: JSON.stringify(order) });
  }

  /** The server is gone. */
  async forget(tx: Tx, serverId: string): Promise<void> {
    await tx.deleteFrom('cdroms').where('server_id', '=', serverId).execute();
    await tx.deleteFrom('boot_orders').where('server_id', '=', serverId).execute();
  }

  /** Throws `invalid` (reason `not_iso`) for an image that is none, or not usable, and `not_found`. */
  async requireIso(subject: Subject, imageId: string): Promise<void> {
    const image = await this.#cloud.images.get(subject, imageId);
    if (image.diskFormat === 'iso' && image.status === 'active') return;
    throw new CloudError('invalid', `The image ${withDashes(imageId)} is no ISO image that can be used.`, {
      reason: 'not_iso',
    });
  }

  async #insert(
    tx: Tx,
    server: Pick<Server, 'id' | 'hardware'>,
    wanted: NewCdrom & { id: string; description?: string | null },
  ): Promise<void> {
    const known = await this.ofServer(server.id, tx);
    const room = server.hardware['hw_disk_bus'] === 'ide' ? maxCdroms - 1 : maxCdroms;
    if (known.length >= room) {
      throw new CloudError('conflict', `Instance ${withDashes(server.id)} has room for ${room} CD-ROM drives.`, {
        reason: 'no_room',
      });
    }
    const now = this.#cloud.env.now();
    await insertRow(tx, 'cdroms', {
      id: wanted.id,
      server_id: server.id,
      name: wanted.name ?? `cdrom-${known.length}`,
      description: wanted.description ?? null,
      device_index: known.length,
      image_id: wanted.imageId ?? null,
      created_at: now,
      updated_at: now,
    });
  }

  async #changing(subject: Subject, serverId: string, change: (tx: Tx, server: Server) => Promise<void>) {
    await this.#cloud.db.write(async (tx) => {
      const server = await lockServer(tx, subject, serverId);
      checkTransition(subject, server, changeDrives);
      await change(tx, server);
    });
  }

  async #renumber(tx: Tx, serverId: string): Promise<void> {
    for (const [index, { id, deviceIndex }] of (await this.ofServer(serverId, tx)).entries())
      if (index !== deviceIndex) await updateRow(tx, 'cdroms', id, { device_index: index });
  }
}

function cdromFromRow(row: CdromsTable): Cdrom {
  const { id, name, description } = row;
  return { id, serverId: row.server_id, name, description, deviceIndex: row.device_index, imageId: row.image_id };
}
