import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConstraintViolation, type Tx } from '../../database/database.ts';
import type { ImageStoresTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import { KeyedLock } from '../../env/keyed-lock.ts';
import { type TakenFolder, whyNoStoreFolder } from '../../image-stores/claim-folder.ts';
import type { ImageStore } from '../../image-stores/store.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { type ImageStoreInfo, storeFromRow } from './model.ts';
import { openStore, type StoreToOpen } from './open-store.ts';
import { holdPlaces, refuseTakenPlace } from './places.ts';
import {
  candidateLogin,
  changeLogin,
  keepLogin,
  type LoginChanges,
  notConnected,
  storeLogin,
  whyNoSftpPlace,
} from './store-logins.ts';

export interface NewImageStore {
  /** The client's own id, 32 hex digits. */
  id?: string;
  name: string;
  description?: string | null;
  /** Default: `directory`. */
  kind?: ImageStoreInfo['kind'];
  /** The folder, absolute; or `s3://bucket/prefix?endpoint=…`, `ceph://pool`, `sftp://user@host:22/folder`. */
  url: string;
  /** Of a store that is logged in to, where no file and no environment has it. */
  password?: string;
  /** The key by which the server is known that is logged in to. */
  hostKey?: string;
  address?: string | null;
  isDefault?: boolean;
  zoneIds?: readonly string[];
}

export interface ImageStoreChanges {
  name?: string;
  description?: string | null;
  enabled?: boolean;
}

/** How the driver of a store is opened. */
export type StoreOpener = (store: StoreToOpen) => Promise<ImageStore>;

/** Which stores may take an image. */
export interface StoreWishes {
  /** Exactly these, in this order; throws where one of them is unknown or can't be used. */
  storeIds?: readonly string[];
  /** Preferably one of this zone. */
  zoneId?: string;
}

/** The cloud's image stores and their open drivers. Stores are few and change rarely: they are kept in memory. */
export class ImageStores {
  readonly #core: CloudCore;
  readonly #open: StoreOpener;
  readonly #drivers = new Map<string, ImageStore>();
  /** The URLs by which they were opened. */
  readonly #places = new Map<string, string>();
  readonly #dataFolder: string | undefined;
  readonly #adding = new KeyedLock();
  /** A driver that is opened ends what it finds under way in its store: there is never a second one. */
  readonly #connecting = new KeyedLock();
  #known: ImageStoreInfo[] = [];

  /** @param dataFolder of the cloud, which nothing is put into that is added while it runs */
  constructor(core: CloudCore, open?: StoreOpener, dataFolder?: string) {
    this.#core = core;
    this.#dataFolder = dataFolder;
    this.#open = open ?? ((store) => openStore(core, store, this.#localRoot()));
  }

  /** Makes the store of a new cloud, in a folder of this host, for all zones there are. */
  async bootstrap(tx: Tx, { path }: { path: string }): Promise<void> {
    if (await tx.selectFrom('image_stores').select('id').executeTakeFirst()) return;
    const zones = await tx.selectFrom('zones').select('id').execute();
    await this.#insert(tx, { name: 'default', url: path, isDefault: true, zoneIds: zones.map(({ id }) => id) });
  }

  /**
   * Reads the stores and opens their drivers. A store that can't be opened is disconnected; the next call, or `reconnect`,
   * tries again. Stores that another process of the control plane has added, removed or reaches elsewhere are known from then on.
   */
  async open(): Promise<void> {
    await this.refresh();
    for (const [id, driver] of this.#drivers) {
      if (this.find(id)?.url === this.#places.get(id)) continue;
      this.#drivers.delete(id);
      await driver.close();
    }
    for (const store of this.#known) if (!this.#drivers.has(store.id)) await this.#connect(store);
    await this.refresh();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#drivers.values()].map((driver) => driver.close()));
    this.#drivers.clear();
  }

  /** Reads again what other processes may have changed. */
  async refresh(): Promise<void> {
    const { read } = this.#core.db;
    const rows = await read.selectFrom('image_stores').selectAll().orderBy('created_at').orderBy('id').execute();
    const places = await read.selectFrom('image_store_zones').selectAll().orderBy('zone_id').execute();
    this.#known = rows.map((row) => {
      const zoneIds = places.filter((place) => place.store_id === row.id).map((place) => place.zone_id);
      return storeFromRow(row, zoneIds);
    });
  }

  /** All stores, oldest first. */
  list(): readonly ImageStoreInfo[] {
    return this.#known;
  }

  get(id: string): ImageStoreInfo {
    const store = this.find(id);
    if (!store) throw notFound('image store', id);
    return store;
  }

  find(id: string): ImageStoreInfo | undefined {
    return this.#known.find((store) => store.id === id);
  }

  byName(name: string): ImageStoreInfo | undefined {
    return this.#known.find((store) => store.name === name);
  }

  /** The driver of a store; `unavailable` (and so worth another try) while it is not connected. */
  driver(id: string): ImageStore {
    const driver = this.#drivers.get(id);
    if (driver) return driver;
    throw new CloudError('unavailable', 'The image store is not connected.', { resource: 'image store', id });
  }

  /** Whether new images may be put there. */
  takesImages(store: ImageStoreInfo): boolean {
    return store.enabled && this.#drivers.has(store.id);
  }

  /** The stores for a new image, at least one: those wished for, or else the default, or any that can be used. */
  choose({ storeIds, zoneId }: StoreWishes = {}): [ImageStoreInfo, ...ImageStoreInfo[]] {
    if (storeIds && storeIds.length > 0) {
      const chosen = [...new Set(storeIds)].map((id) => this.get(id));
      const unusable = chosen.find((store) => !this.takesImages(store));
      if (unusable) throw unavailable(`The image store ${unusable.name} is disabled or not connected.`);
      return chosen as [ImageStoreInfo, ...ImageStoreInfo[]];
    }
    const usable = this.#known.filter((store) => this.takesImages(store));
    const rank = (store: ImageStoreInfo) =>
      (zoneId !== undefined && store.zoneIds.includes(zoneId) ? 2 : 0) + (store.isDefault ? 1 : 0);
    const best = usable.toSorted((a, b) => rank(b) - rank(a))[0];
    if (!best) throw unavailable('No image store is enabled and connected.');
    return [best];
  }

  /** A store for each zone that none of the given ones serves: where an image must be copied to be there. */
  missingFor(storeIds: readonly string[]): ImageStoreInfo[] {
    const served = new Set(storeIds.flatMap((id) => this.find(id)?.zoneIds ?? []));
    const missing: ImageStoreInfo[] = [];
    for (const store of this.#known) {
      if (storeIds.includes(store.id) || !store.enabled || !store.zoneIds.some((zone) => !served.has(zone))) continue;
      missing.push(store);
      for (const zone of store.zoneIds) served.add(zone);
    }
    return missing;
  }

  /**
   * Takes a store into the cloud and opens it. Throws `duplicate` for a name or id that is taken, and `invalid`
   * (`no_store_place`) for the place of another one.
   */
  async add(store: NewImageStore): Promise<ImageStoreInfo> {
    const id = await this.#core.db
      .write((tx) => this.#insert(tx, store))
      .catch((error) => {
        if (!(error instanceof ConstraintViolation)) throw error;
        if (error.kind === 'unique') throw taken(error);
        throw new CloudError('invalid', 'There is no such zone.', { cause: error });
      });
    await this.open();
    return this.get(id);
  }

  /**
   * As `add`, while the cloud runs: takes a store only if it can be used now. Throws `invalid` (`no_store_place`) for a
   * place that is another store's or the cloud's own, has something else in it or can't be written, `unavailable`
   * (`not_connected`) for one that does not answer, `duplicate`. A place that is refused is left as it was.
   */
  async addConnected(store: NewImageStore): Promise<ImageStoreInfo> {
    return await this.#adding.run('', () => this.#addConnected(store));
  }

  async #addConnected(store: NewImageStore): Promise<ImageStoreInfo> {
    const { kind = 'directory', name, url } = store;
    await this.refresh();
    if (this.byName(name)) throw taken();
    const why =
      kind === 'sftp'
        ? whyNoSftpPlace(url)
        : kind === 'directory' && (await whyNoStoreFolder(url, await this.#takenFolders()));
    if (why) throw new CloudError('invalid', why, { reason: 'no_store_place' });
    await refuseTakenPlace(this.#core.db.read, { kind, name, url });
    let hostKey: string | undefined;
    try {
      const login = candidateLogin(store);
      const driver = await this.#open({ kind, name, url, login });
      await driver.capacity().finally(() => driver.close());
      hostKey = await login.hostKey.read();
    } catch (error) {
      throw notConnected(error);
    }
    return await this.add({ ...store, ...(hostKey === undefined ? {} : { hostKey }) });
  }

  async #takenFolders(): Promise<TakenFolder[]> {
    const storages = await this.#core.db.read
      .selectFrom('storages')
      .select(['name', 'path'])
      .where('nfs_url', 'is', null)
      .execute();
    const stores = this.#known.filter(({ kind }) => kind === 'directory');
    return [
      ...stores.map(({ name, url }) => ({ path: url, whose: `the image store ${name}` })),
      ...storages.map(({ name, path }) => ({ path, whose: `the primary storage ${name}` })),
      ...(this.#dataFolder === undefined ? [] : [{ path: this.#dataFolder, whose: "the cloud's own data" }]),
    ];
  }

  async update(id: string, { name, description, enabled }: ImageStoreChanges): Promise<ImageStoreInfo> {
    this.get(id);
    const set = {
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
      ...(enabled === undefined ? {} : { enabled: enabled ? (1 as const) : (0 as const) }),
      updated_at: this.#core.env.now(),
    };
    await this.#core.db.write((tx) => tx.updateTable('image_stores').set(set).where('id', '=', id).execute());
    return await this.#fresh(id);
  }

  async attachZone(id: string, zoneId: string): Promise<ImageStoreInfo> {
    this.get(id);
    await this.#core.db
      .write((tx) =>
        tx
          .insertInto('image_store_zones')
          .values({ store_id: id, zone_id: zoneId })
          .onConflict((conflict) => conflict.doNothing())
          .execute(),
      )
      .catch((error) => {
        throw error instanceof ConstraintViolation ? notFound('zone', zoneId) : error;
      });
    return await this.#fresh(id);
  }

  async detachZone(id: string, zoneId: string): Promise<ImageStoreInfo> {
    this.get(id);
    await this.#core.db.write((tx) =>
      tx.deleteFrom('image_store_zones').where('store_id', '=', id).where('zone_id', '=', zoneId).execute(),
    );
    return await this.#fresh(id);
  }

  /**
   * Reaches a store on another machine by another address or as another user from now on. Throws `unavailable`
   * (`not_connected`) where that can't be done now, or leads to a place that lacks images of the store, `invalid`
   * (`no_store_place`) for the place of another one.
   */
  async relogin(id: string, changes: LoginChanges): Promise<ImageStoreInfo> {
    return await this.#adding.run('', async () => {
      await changeLogin(this.#core, this.get(id), changes, this.#open);
      await this.#drivers.get(id)?.close();
      this.#drivers.delete(id);
      await this.refresh();
      await this.#connect(this.get(id));
      return await this.#fresh(id);
    });
  }

  /** Opens the store's driver if it is not open, and tells whether that went well in the store's status. */
  async reconnect(id: string): Promise<ImageStoreInfo> {
    const store = this.get(id);
    const driver = this.#drivers.get(id);
    const answers = driver
      ? await driver
          .capacity()
          .then(() => true)
          .catch(() => false)
      : false;
    if (!answers) {
      this.#drivers.delete(id);
      await driver?.close();
    }
    await this.#connect(store);
    return await this.#fresh(id);
  }

  /** Takes a store that holds no image out of the cloud. Its folder stays. */
  async remove(id: string): Promise<void> {
    const store = this.get(id);
    await this.#core.db.write(async (tx) => {
      const held = await tx
        .selectFrom('image_replicas')
        .select('image_id')
        .where('store_id', '=', id)
        .executeTakeFirst();
      if (held)
        throw new CloudError('conflict', `The image store ${store.name} still holds images.`, { reason: 'in_use' });
      await tx.deleteFrom('image_store_zones').where('store_id', '=', id).execute();
      await tx.deleteFrom('image_stores').where('id', '=', id).execute();
    });
    await this.#drivers.get(id)?.close();
    this.#drivers.delete(id);
    await this.refresh();
  }

  /** Bytes in all and free bytes of a store; zeros while it is not connected. */
  async capacity(id: string): Promise<{ total: number; free: number }> {
    const driver = this.#drivers.get(id);
    if (!driver) return { total: 0, free: 0 };
    return await driver.capacity().catch(() => ({ total: 0, free: 0 }));
  }

  async #insert(tx: Tx, store: NewImageStore): Promise<string> {
    const now = this.#core.env.now();
    const row: ImageStoresTable = {
      id: store.id ?? newId(this.#core.env),
      name: store.name,
      description: store.description ?? null,
      kind: store.kind ?? 'directory',
      url: store.url,
      enabled: 1,
      status: 'connecting',
      is_default: store.isDefault ? 1 : 0,
      address: store.address ?? null,
      created_at: now,
      updated_at: now,
    };
    await holdPlaces(this.#core.db, tx);
    await refuseTakenPlace(tx, row);
    await tx.insertInto('image_stores').values(row).execute();
    if (row.kind === 'sftp') await keepLogin(this.#core, tx, row, store);
    for (const zoneId of store.zoneIds ?? []) {
      await tx.insertInto('image_store_zones').values({ store_id: row.id, zone_id: zoneId }).execute();
    }
    return row.id;
  }

  async #connect(store: ImageStoreInfo): Promise<void> {
    let status: ImageStoreInfo['status'] = 'connected';
    try {
      await this.#connecting.run(store.id, async () => {
        if (this.#drivers.has(store.id)) return;
        const login = storeLogin(this.#core, store.id);
        this.#drivers.set(store.id, await this.#open({ ...store, login }));
        this.#places.set(store.id, store.url);
      });
    } catch (error) {
      status = 'disconnected';
      const isNew = store.status !== status;
      this.#core.log[isNew ? 'error' : 'debug']({ err: error, store: store.name }, 'an image store can not be opened');
    }
    if (status === store.status) return;
    const set = { status, updated_at: this.#core.env.now() };
    await this.#core.db.write((tx) => tx.updateTable('image_stores').set(set).where('id', '=', store.id).execute());
  }

  /** A folder beside the first directory store: for what stores elsewhere need of this host. */
  #localRoot(): string {
    const directory = this.#known.find(({ kind }) => kind === 'directory');
    return join(dirname(directory?.url ?? tmpdir()), 'image-caches');
  }

  async #fresh(id: string): Promise<ImageStoreInfo> {
    await this.refresh();
    return this.get(id);
  }
}

function taken(cause?: unknown): CloudError {
  return new CloudError('duplicate', 'An image store of this name exists already.', { cause });
}

function unavailable(message: string): CloudError {
  return new CloudError('unavailable', message, { reason: 'no_image_store' });
}
