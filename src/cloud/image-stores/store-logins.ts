import type { Database, Tx } from '../../database/database.ts';
import type { SftpLogin } from '../../image-stores/sftp/sftp-link.ts';
import {
  isHost,
  isRemoteFolder,
  isUser,
  type SftpPlace,
  sftpPlace,
  sftpUrl,
} from '../../image-stores/sftp/sftp-url.ts';
import type { ImageStore } from '../../image-stores/store.ts';
import { rememberedHostKey } from '../../ssh/host-key.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { opened, sealed } from '../secrets/kept-secrets.ts';
import type { ImageStoreInfo } from './model.ts';
import type { StoreToOpen } from './open-store.ts';
import { holdPlaces, refuseTakenPlace } from './places.ts';

type Core = Pick<CloudCore, 'db' | 'env' | 'settings'>;

/** A login of a store that is none of the cloud's yet: what is learnt of its server is kept with it then. */
export function candidateLogin({ password, hostKey }: { password?: string; hostKey?: string }): SftpLogin {
  return { password: async () => password, hostKey: rememberedHostKey(hostKey) };
}

/** How one of the cloud's stores is logged in to. The key of its server is kept in the database. */
export function storeLogin(core: Core, storeId: string): SftpLogin {
  const { db } = core;
  const read = async () =>
    await db.read
      .selectFrom('image_store_logins')
      .select(['password', 'host_key'])
      .where('store_id', '=', storeId)
      .executeTakeFirst();
  return {
    async password() {
      const kept = (await read())?.password ?? undefined;
      return kept === undefined ? undefined : opened(core, 'storePassword', storeId, kept);
    },
    hostKey: {
      read: async () => (await read())?.host_key ?? undefined,
      keep: async (key) => {
        const known = (await read())?.host_key;
        if (known) return known;
        // Of two processes that see the server for the first time, one is first.
        await db.write((tx) =>
          tx
            .updateTable('image_store_logins')
            .set({ host_key: key })
            .where('store_id', '=', storeId)
            .where('host_key', 'is', null)
            .execute(),
        );
        return (await read())?.host_key ?? key;
      },
    },
  };
}

/** Keeps how a store is logged in to, in place of what was kept of it. */
export async function keepLogin(
  core: Core,
  tx: Tx,
  { id, url }: Pick<ImageStoreInfo, 'id' | 'url'>,
  { password, hostKey }: { password?: string; hostKey?: string },
): Promise<void> {
  const { host, port, path, user } = sftpPlace(url);
  await tx.deleteFrom('image_store_logins').where('store_id', '=', id).execute();
  await tx
    .insertInto('image_store_logins')
    .values({
      store_id: id,
      hostname: host,
      port,
      path,
      username: user,
      password: password === undefined ? null : sealed(core, 'storePassword', id, password),
      host_key: hostKey ?? null,
    })
    .execute();
}

/** Where a store on another machine is, and as whom it is logged in to. */
export type FarPlace = Pick<SftpPlace, 'host' | 'port' | 'user' | 'path'>;

/** What is wrong with a place, as far as it is told. */
export function whyNoFarPlace({ host, user, path }: Partial<FarPlace>): string | undefined {
  if (host !== undefined && !isHost(host)) return `hostname[${host}] is no IPv4 address, IPv6 address or hostname`;
  if (user !== undefined && !isUser(user)) return 'the username is empty, or has control characters';
  if (path !== undefined && !isRemoteFolder(path)) return `url[${path}] is no absolute path, or has . or .. in it`;
  return undefined;
}

/** The URL of a store at a place that nothing is wrong with. */
export function farStoreUrl(place: FarPlace): string {
  return sftpUrl({ ...place, path: place.path.replace(/\/+$/, '') });
}

/** Why a URL can't be the place of a store on another machine. */
export function whyNoSftpPlace(url: string): string | undefined {
  try {
    sftpPlace(url);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** What is to be another one about how a store is reached. */
export interface LoginChanges {
  /** Also that its server may have another key from now on. */
  host?: string;
  port?: number;
  user?: string;
  password?: string;
}

/** Changes how a store is reached and logged in to, if it can be used so now, and has its images there. */
export async function changeLogin(
  core: Core,
  store: ImageStoreInfo,
  changes: LoginChanges,
  open: (store: StoreToOpen) => Promise<ImageStore>,
): Promise<void> {
  const { db, env } = core;
  const { id } = store;
  const place = sftpPlace(store.url);
  const { host = place.host, port = place.port, user = place.user } = changes;
  const url = sftpUrl({ ...place, host, port, user });
  // Before the store is opened there, which clears away what nobody seems to be uploading.
  await refuseTakenPlace(db.read, { ...store, url });
  const kept = storeLogin(core, id);
  const password = changes.password ?? (await kept.password());
  // Whoever names the server says that they know it: its key may be a new one.
  const known = changes.host === undefined ? await kept.hostKey.read() : undefined;
  const login = candidateLogin({
    ...(password === undefined ? {} : { password }),
    ...(known === undefined ? {} : { hostKey: known }),
  });
  try {
    const driver = await open({ ...store, url, login });
    await requireImages(db, id, driver).finally(() => driver.close());
  } catch (error) {
    throw notConnected(error);
  }
  const hostKey = await login.hostKey.read();
  await db.write(async (tx) => {
    await holdPlaces(db, tx);
    await refuseTakenPlace(tx, { ...store, url });
    const set = { url, updated_at: env.now() };
    const { numUpdatedRows } = await tx.updateTable('image_stores').set(set).where('id', '=', id).executeTakeFirst();
    if (numUpdatedRows === 0n) throw notFound('image_store', id);
    await keepLogin(
      core,
      tx,
      { id, url },
      { ...(password === undefined ? {} : { password }), ...(hostKey === undefined ? {} : { hostKey }) },
    );
  });
}

/** Throws where the driver has not got the images that the store has. */
async function requireImages(db: Pick<Database, 'read'>, storeId: string, driver: ImageStore): Promise<void> {
  const there = new Set((await driver.list()).images.map(({ imageId }) => imageId));
  const held = await db.read
    .selectFrom('image_replicas')
    .select('image_id')
    .where('store_id', '=', storeId)
    .where('state', '=', 'active')
    .execute();
  const missing = held.filter(({ image_id }) => !there.has(image_id)).length;
  if (missing > 0) throw new Error(`${missing} of its images are not there`);
}

/** What is wrong with a store that can't be opened now. */
export function notConnected(cause: unknown): CloudError {
  const words = cause instanceof Error ? cause.message : String(cause);
  return new CloudError('unavailable', `The image store can't be used: ${words}`, { reason: 'not_connected', cause });
}
