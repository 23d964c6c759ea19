import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ActionRunner } from '../../actions/runner.ts';
import type { Database } from '../../database/database.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { type Env, newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import type { Cloud } from '../cloud.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { ImageStores } from '../image-stores/image-stores.ts';
import { type CloudSettings, defaultSettings } from '../settings.ts';
import { imageActions } from './actions.ts';
import { Images, type ImagesOptions } from './images.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** As much of a cloud as images need, over real parts: a SQLite file and directory stores in a folder of its own. */
export class TestCloud {
  readonly folder: string;
  readonly core: CloudCore;
  readonly stores: ImageStores;
  readonly images: Images;
  /** Two zones: `alpha`, which the default store serves, and `beta`, which no store serves at first. */
  readonly zones: { alpha: string; beta: string };

  /** What is under `core.db`, which a test may have ended: this can be closed whatever has come of it. */
  readonly #opened: Database;

  private constructor(
    folder: string,
    opened: Database,
    core: CloudCore,
    zones: TestCloud['zones'],
    options: ImagesOptions,
  ) {
    this.folder = folder;
    this.#opened = opened;
    this.core = core;
    this.zones = zones;
    this.stores = new ImageStores(core);
    this.images = new Images(core, this.stores, options);
  }

  /** Starts a cloud, or (with the folder of an earlier one) starts it again after its process has died. */
  static async start(
    options: {
      folder?: string;
      settings?: Partial<CloudSettings>;
      env?: Env;
      wrap?: (db: Database) => Database;
    } & ImagesOptions = {},
  ): Promise<TestCloud> {
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'unkai-images-')));
    const env = options.env ?? realEnv();
    const opened = await openSqlite(join(folder, 'cloud.sqlite'));
    const zones = await makeZones(opened);
    const db = options.wrap?.(opened) ?? opened;
    const runner = new ActionRunner({ db, env, actions: imageActions, log: silent });
    const core: CloudCore = { db, env, runner, log: silent, settings: { ...defaultSettings, ...options.settings } };
    const cloud = new TestCloud(folder, opened, core, zones, options);
    await db.write((tx) => cloud.stores.bootstrap(tx, { path: join(folder, 'store') }));
    await cloud.stores.open();
    if (options.folder === undefined) await cloud.stores.detachZone(cloud.storeId, zones.beta);
    await cloud.images.start();
    await runner.start(cloud.asCloud());
    return cloud;
  }

  /** The cloud as dialects and steps get it, with what a test adds to it. */
  asCloud(more: object = {}): Cloud {
    const faults = { isQuiet: true };
    return { ...this.core, faults, images: this.images, imageStores: this.stores, ...more } as unknown as Cloud;
  }

  /** The default store. */
  get storeId(): string {
    return this.stores.byName('default')!.id;
  }

  /** Adds a second store, for the zone `beta`. */
  async addStore(name = 'second'): Promise<string> {
    return (await this.stores.add({ name, url: join(this.folder, name), zoneIds: [this.zones.beta] })).id;
  }

  /** All files of a store, by relative path. */
  async files(store = 'store'): Promise<string[]> {
    const found = await readdir(join(this.folder, store), { recursive: true, withFileTypes: true });
    return found.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  async stop(options: { keepFolder?: boolean } = {}): Promise<void> {
    this.images.stop();
    try {
      await this.core.runner.stop();
      await this.stores.close();
    } finally {
      await this.#opened.close();
    }
    if (!options.keepFolder) await rm(this.folder, { recursive: true, force: true });
  }
}

async function makeZones(db: Database): Promise<{ alpha: string; beta: string }> {
  const known = await db.read.selectFrom('zones').select('id').orderBy('name').execute();
  if (known.length === 2) return { alpha: known[0]!.id, beta: known[1]!.id };
  const env = realEnv();
  const ids = { alpha: newId(env), beta: newId(env) };
  await db.write(async (tx) => {
    for (const [name, id] of Object.entries(ids)) {
      const row = { id, name, description: null, is_default: 0, enabled: 1, created_at: 1, updated_at: 1 } as const;
      await tx.insertInto('zones').values(row).execute();
    }
  });
  return ids;
}

/** Someone who asks, with a project of their own. */
export function testSubject(name: string, more: Partial<Subject> = {}): Subject {
  const id = Buffer.from(name).toString('hex').padEnd(32, '0').slice(0, 32);
  return {
    userId: id,
    userName: name,
    projectId: id,
    projectName: name,
    domainId: 'default',
    roles: more.isAdmin ? ['admin', 'member', 'reader'] : ['member', 'reader'],
    isAdmin: false,
    requestId: 'req-00000000-0000-4000-8000-000000000000',
    ...more,
  };
}

/** What the promise is rejected with, which must be an error of the engine. */
export async function failure(promise: Promise<unknown>): Promise<CloudError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CloudError)) throw new Error('a CloudError was expected', { cause: error });
  return error;
}

/** The bytes in pieces of the given size; afterwards an error, where one is given, as of a cut connection. */
export async function* inPieces(bytes: Buffer, size = 65536, failure?: Error): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  if (failure) throw failure;
}
