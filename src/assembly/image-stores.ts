import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cloud } from '../cloud/cloud.ts';
import type { ImageStoreInfo } from '../cloud/image-stores/model.ts';
import { whyNoSftpPlace } from '../cloud/image-stores/store-logins.ts';

/** An image store that an operator wants besides the first one. */
export interface StoreConfig {
  name: string;
  kind: ImageStoreInfo['kind'];
  /** The zones that it serves; they are made where there are none of these names. */
  zones: string[];
  /**
   * The folder or its `file:///…`, `s3://bucket/prefix?endpoint=http://host:port&region=…&credentials=/path`,
   * `ceph://pool?conf=/etc/ceph/ceph.conf&user=admin`, with `&clones=pool` where disks are to be clones, or
   * `sftp://user@host:22/folder?key=/path`.
   */
  url: string;
  /** How users may know its server, as in K5's `sync_status_reason`. */
  address?: string;
}

const kinds: ReadonlyArray<StoreConfig['kind']> = ['directory', 's3', 'ceph', 'sftp'];
const members = ['name', 'kind', 'zone', 'url', 'address'];

/**
 * Reads `name=second,kind=s3,zone=zone-2,url=s3://images?endpoint=…`. Several zones are written with `+` between them.
 * Throws an `Error` that says what is wrong.
 */
export function parseStore(text: string): StoreConfig {
  const given = new Map<string, string>();
  for (const part of text.split(',')) {
    const [name = '', ...value] = part.split('=');
    if (!members.includes(name)) throw new Error(`--store: ${name} is none of ${members.join(', ')}`);
    given.set(name, value.join('='));
  }
  const name = given.get('name');
  const url = given.get('url');
  const scheme = kinds.find((one) => url?.startsWith(`${one}://`));
  const kind = kinds.find((one) => one === (given.get('kind') ?? scheme ?? 'directory'));
  if (!kind) throw new Error(`--store: kind is one of ${kinds.join(', ')}`);
  if (!name || !/^[\w.-]{1,64}$/.test(name)) throw new Error('--store: name is missing, or has odd characters');
  if (!url) throw new Error('--store: url is missing');
  const why = kind === 'sftp' ? whyNoSftpPlace(url) : undefined;
  if (why !== undefined) throw new Error(`--store: ${why}`);
  const address = given.get('address');
  return {
    name,
    kind,
    zones: given.get('zone')?.split('+').filter(Boolean) ?? [],
    url: kind === 'directory' ? folderOf(url) : url,
    ...(address ? { address } : {}),
  };
}

/** A path, or a URL that names one; with another URL one meant another kind of store. */
function folderOf(url: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return resolve(url);
  if (/^file:\/\/\//i.test(url)) return fileURLToPath(url);
  throw new Error(`--store: ${url} is no folder: write /folder or file:///folder`);
}

/** Makes the stores part of the cloud, in their zones. One that is there already keeps its place. */
export async function ensureImageStores(cloud: Cloud, stores: readonly StoreConfig[]): Promise<void> {
  for (const { zones, ...store } of stores) {
    const zoneIds: string[] = [];
    for (const zone of zones) zoneIds.push(await cloud.zones.ensure(zone));
    const known = cloud.imageStores.byName(store.name);
    if (!known) {
      await cloud.imageStores.add({ ...store, zoneIds });
      continue;
    }
    for (const zoneId of zoneIds) {
      if (!known.zoneIds.includes(zoneId)) await cloud.imageStores.attachZone(known.id, zoneId);
    }
  }
}
