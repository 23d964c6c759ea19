import { isIPv4, isIPv6 } from 'node:net';
import type { NfsMount } from '../../agent/contract.ts';
import type { Tx } from '../../database/database.ts';
import { CloudError } from '../errors.ts';
import { power } from '../servers/model.ts';

/** What a client says of a folder of an NFS server. */
export interface NfsPlace {
  /** `host:/folder`. */
  url: string;
  /** As `mount -o` takes them. */
  options?: string | null;
}

const hostName = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const folder = /^(?:\/[A-Za-z0-9._~@%+=:-]+)+\/?$|^\/$/;
/** As ZStack has it: nobody exports them, and who names one has not meant it. */
const systemFolders = ['/dev', '/proc', '/sys'];
const longest = 1024;

/** Gives the url as it is kept. Throws `invalid` (`no_storage_place`) for what is no folder of a server. */
export function nfsUrl(url: string): string {
  const [, host = '', path = ''] = /^(\[[^\]]*\]|[^:]*):(.*)$/s.exec(url) ?? [];
  const literal = /^\[(.*)\]$/s.exec(host)?.[1];
  // What is all digits and dots is an address, or a mistake.
  const isAddress = /^[\d.]+$/.test(host);
  const isHost = literal === undefined ? (isAddress ? isIPv4(host) : hostName.test(host)) : isIPv6(literal);
  const isPlain = path.split('/').every((part) => part !== '.' && part !== '..');
  if (!isHost || (literal?.includes('%') ?? false) || !folder.test(path) || !isPlain || url.length > longest)
    throw noPlace(`${JSON.stringify(url)} is not host:/folder, with the address of an IPv6 host in brackets`);
  const place = path.length > 1 ? path.replace(/\/$/, '') : path;
  const taken = systemFolders.find((one) => place === one || place.startsWith(`${one}/`));
  if (taken) throw noPlace(`${url} leads into ${systemFolders.join(', ')}`);
  return `${host}:${place}`;
}

/** Options of nfs(5) that change how a server is talked to, and not what is mounted, where, or who may. */
const flags = [
  ...['soft', 'softerr', 'hard', 'softreval', 'nosoftreval', 'intr', 'nointr', 'ac', 'noac', 'cto', 'nocto'],
  ...['rdirplus', 'nordirplus', 'tcp', 'udp', 'rdma', 'resvport', 'noresvport', 'sharecache', 'nosharecache'],
  ...['acl', 'noacl', 'lock', 'fg', 'fsc', 'nofsc', 'migration', 'nomigration', 'rw', 'async', 'sync', '_netdev'],
  ...[
    'noatime',
    'nodiratime',
    'relatime',
    'nosuid',
    'nodev',
    'noexec',
    'defaults',
    'trunkdiscovery',
    'notrunkdiscovery',
  ],
];
const values = [
  ...['timeo', 'retrans', 'rsize', 'wsize', 'acregmin', 'acregmax', 'acdirmin', 'acdirmax', 'actimeo', 'nconnect'],
  ...[
    'max_connect',
    'retry',
    'sec',
    'proto',
    'port',
    'lookupcache',
    'mountport',
    'mountproto',
    'mounthost',
    'mountvers',
  ],
  ...['namlen', 'nfsvers', 'vers', 'minorversion', 'clientaddr', 'xprtsec', 'write'],
];
/** Why not: without locks nobody would keep two hosts from writing to one disk, for example. */
const refused: Readonly<Record<string, string>> = {
  nolock: 'locks keep two hosts from writing to one disk',
  local_lock: 'locks keep two hosts from writing to one disk',
  ro: 'disks are written to',
  bg: 'nobody would know whether it is mounted',
};

/** Throws `invalid` (`no_storage_options`) for options that no host is given. */
export function checkNfsOptions(options: string): string {
  for (const option of options.split(',')) {
    const [name = '', value, ...more] = option.split('=');
    if (refused[name] !== undefined) throw noOption(`the option ${name} is not taken: ${refused[name]}`);
    const isKnown = value === undefined ? flags.includes(name) : values.includes(name) && /^[\w.:-]{1,64}$/.test(value);
    if (!isKnown || more.length > 0) throw noOption(`${JSON.stringify(option)} is no option that a host is given`);
  }
  return options;
}

/** What hosts are told to mount. */
export function mountOf({ nfs_url, nfs_options }: { nfs_url: string | null; nfs_options: string | null }): {
  mount?: NfsMount;
} {
  if (nfs_url === null) return {};
  return { mount: { source: nfs_url, ...(nfs_options === null ? {} : { options: nfs_options }) } };
}

/**
 * Throws `duplicate` where another storage is there already, or may go back there.
 * @param ownId of the one that is to be there
 */
export async function refuseTakenUrl(tx: Tx, url: string, ownId: string): Promise<void> {
  const row = await tx
    .selectFrom('storages')
    .select('zone_id')
    .where('id', '!=', ownId)
    .where((e) => e.or([e('nfs_url', '=', url), e('former_nfs_url', '=', url)]))
    .executeTakeFirst();
  if (!row) return;
  const words = `there has been a nfs primary storage having url as ${url} in zone[uuid:${row.zone_id}]`;
  throw new CloudError('duplicate', words);
}

/** Servers that run and have a disk in the storage: their hosts have files open. */
export async function runningOn(tx: Tx, id: string): Promise<Array<{ id: string; name: string }>> {
  return await tx
    .selectFrom('servers')
    .select(['id', 'name'])
    .where('deleted_at', 'is', null)
    .where('host_id', 'is not', null)
    .where('power_state', '!=', power.shutdown)
    .where((e) =>
      e.exists(
        e
          .selectFrom('volumes')
          .leftJoin('volume_attachments as a', 'a.volume_id', 'volumes.id')
          .select('volumes.id')
          .where('volumes.storage_id', '=', id)
          .where((v) =>
            v.or([
              v('volumes.server_id', '=', v.ref('servers.id')),
              v('a.server_id', '=', v.ref('servers.id').$castTo<string | null>()),
            ]),
          ),
      ),
    )
    .execute();
}

/** Throws `conflict` (`in_use`) while a server runs that has a disk in the storage. */
export async function refuseRunning(tx: Tx, id: string): Promise<void> {
  const running = await runningOn(tx, id);
  if (running.length === 0) return;
  const named = running.map((one) => `VM[name:${one.name}, uuid:${one.id}]`).join(', ');
  const words = `there are ${running.length} running VMs on the NFS primary storage, please stop them and try again: ${named}`;
  throw new CloudError('conflict', words, { reason: 'in_use' });
}

function noPlace(message: string): CloudError {
  return new CloudError('invalid', message, { reason: 'no_storage_place' });
}

function noOption(message: string): CloudError {
  return new CloudError('invalid', message, { reason: 'no_storage_options' });
}
