import type { MetadataAnswer, MetadataRequest } from '../../agent/contract.ts';
import type { FileContent } from '../../agent/file-content.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import { macOfLinkLocal } from '../networks/ip.ts';
import { configDriveFiles } from '../servers/config-drive.ts';
import { taggedDevicesOf } from '../servers/device-tags.ts';
import { ec2Documents } from './ec2-documents.ts';

/** Versions of EC2's service that guests' tools ask for; all are answered alike. */
const ec2Versions = [
  '1.0',
  '2007-01-19',
  '2007-03-01',
  '2007-08-29',
  '2007-10-10',
  '2007-12-15',
  '2008-02-01',
  '2008-09-01',
  '2009-04-04',
  'latest',
];
const openstackVersions = [
  '2012-08-10',
  '2013-04-04',
  '2013-10-17',
  '2015-10-15',
  '2016-06-30',
  '2016-10-06',
  '2017-02-22',
  '2018-08-27',
  'latest',
];

/**
 * What a guest is told about itself at 169.254.169.254: OpenStack's documents and EC2's, as the config drive has them but
 * without the password, which is told once. Folders list what is in them. A guest may tell the password that it made itself:
 * once, to `openstack/<version>/password`.
 *
 * @param hostId through which host the guest asks: one on another machine may only ask for its own guests
 */
export async function answerMetadata(cloud: Cloud, request: MetadataRequest, hostId: string): Promise<MetadataAnswer> {
  const path = segmentsOf(request.path);
  if (!path) return text(400, 'The path is not valid.');
  const serverId = await serverAt(cloud, request, hostId);
  if (serverId === undefined) return text(404, 'There is no server with this address.');
  if (request.method === 'POST') return await takePassword(cloud, serverId, path, request.body ?? '');
  if (path.length === 0) return text(200, ec2Versions.join('\n'));
  const [first = '', ...rest] = path;
  if (first === 'openstack') return await openstackAnswer(cloud, serverId, rest);
  if (!ec2Versions.includes(first)) return notFound();
  return await documentAt(await ec2Documents(cloud, serverId), rest);
}

async function takePassword(
  cloud: Cloud,
  serverId: string,
  [first, version = '', ...rest]: readonly string[],
  password: string,
): Promise<MetadataAnswer> {
  const isKnown = first === 'openstack' && openstackVersions.includes(version) && rest.join('/') === 'password';
  if (!isKnown) return text(405, 'Metadata can only be read.');
  try {
    await cloud.servers.guestPasswords.tell(serverId, password);
    return text(200, '');
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    return text(error.code === 'conflict' ? 409 : 400, error.message);
  }
}

function segmentsOf(path: string): string[] | undefined {
  try {
    return decodeURIComponent(path.split(/[?#]/, 1)[0]!)
      .split('/')
      .filter((segment) => segment !== '');
  } catch {
    return undefined;
  }
}

/** By an address of every link a guest is known by its MAC address, which the address is made of. */
async function serverAt(
  cloud: Cloud,
  { networkId, address }: MetadataRequest,
  hostId: string,
): Promise<string | undefined> {
  let query = cloud.db.read
    .selectFrom('ports')
    .innerJoin('servers', 'servers.id', 'ports.device_id')
    .select('servers.id')
    .where('ports.network_id', '=', networkId)
    .where('servers.deleted_at', 'is', null);
  // Hosts of this machine share their networks, and what is not theirs to know.
  if (cloud.farHosts.has(hostId)) {
    query = query.where((e) =>
      e.or([
        e('ports.host_id', '=', hostId),
        // A guest on its way there is served by both.
        e('servers.id', 'in', e.selectFrom('allocations').select('server_id').where('host_id', '=', hostId)),
      ]),
    );
  }
  const mac = macOfLinkLocal(address);
  const found = mac
    ? query.where('ports.mac_address', '=', mac)
    : query
        .innerJoin('port_addresses', 'port_addresses.port_id', 'ports.id')
        .where('port_addresses.ip_address', '=', address);
  return (await found.executeTakeFirst())?.id;
}

async function openstackAnswer(cloud: Cloud, serverId: string, path: readonly string[]): Promise<MetadataAnswer> {
  const [version, ...rest] = path;
  if (version === undefined) return text(200, openstackVersions.join('\n'));
  if (!openstackVersions.includes(version)) return notFound();
  const server = await cloud.servers.byId(serverId);
  const isMetaData = rest.join('/') === 'meta_data.json';
  const files = configDriveFiles({
    server,
    zoneName: (await cloud.zones.names()).get(server.zoneId) ?? '',
    nics: await cloud.networks.nicsOf(serverId),
    devices: isMetaData ? await taggedDevicesOf(cloud, server, { hostId: server.hostId ?? undefined }) : [],
  });
  const folder = 'openstack/latest/';
  const latest = Object.entries(files).filter(([name]) => name.startsWith(folder));
  const documents = new Map(latest.map(([name, content]) => [name.slice(folder.length), content]));
  documents.set('password', (await cloud.servers.guestPasswords.told(serverId)) ?? '');
  return documentAt(documents, rest);
}

/** The document of that path, or what is below it; a folder below ends with a slash. */
function documentAt(documents: ReadonlyMap<string, FileContent>, path: readonly string[]): MetadataAnswer {
  const name = path.join('/');
  const document = documents.get(name);
  if (document !== undefined) return { status: 200, contentType: contentType(name), body: document };
  const folder = name === '' ? '' : `${name}/`;
  const below = [...documents.keys()].filter((key) => key.startsWith(folder)).map((key) => key.slice(folder.length));
  if (below.length === 0) return notFound();
  const entries = below.map((key) => (key.includes('/') ? key.slice(0, key.indexOf('/') + 1) : key));
  return text(200, [...new Set(entries)].join('\n'));
}

function contentType(name: string): string {
  if (name.endsWith('.json')) return 'application/json';
  return name.startsWith('user') ? 'application/octet-stream' : 'text/plain; charset=utf-8';
}

function text(status: number, body: string): MetadataAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}

function notFound(): MetadataAnswer {
  return text(404, 'There is no such document.');
}
