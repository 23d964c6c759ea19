import type { FileContent, FileContents } from '../../agent/file-content.ts';
import type { Cloud } from '../cloud.ts';
import type { Volume } from '../volumes/model.ts';

/** EC2's documents about a server by path, as far as they make sense of servers here. */
export async function ec2Documents(cloud: Cloud, serverId: string): Promise<Map<string, FileContent>> {
  const server = await cloud.servers.byId(serverId);
  const zone = (await cloud.zones.names()).get(server.zoneId) ?? '';
  const addresses = (await cloud.networks.addressesOf([serverId])).get(serverId) ?? [];
  const fixed = addresses.find(({ kind, version }) => kind === 'fixed' && version === 4)?.address ?? '';
  const floating = addresses.find(({ kind }) => kind === 'floating')?.address ?? '';
  const groups = (await cloud.networks.securityGroupsOf([serverId])).get(serverId) ?? [];
  const facts: Record<string, string> = {
    'ami-id': ec2Id('ami', server.imageId ?? server.id),
    'ami-launch-index': String(server.launchIndex),
    'ami-manifest-path': '(unknown)',
    ...blockDeviceMapping(await cloud.volumes.ofServer(serverId)),
    hostname: server.hostname,
    'instance-action': 'none',
    'instance-id': ec2Id('i', server.id),
    'instance-type': server.flavor.name,
    'local-hostname': server.hostname,
    'local-ipv4': fixed,
    'placement/availability-zone': zone,
    'public-hostname': server.hostname,
    'public-ipv4': floating,
    'reservation-id': server.reservationId,
    'security-groups': groups.join('\n'),
  };
  const documents = new Map<string, FileContent>(
    Object.entries(facts).map(([name, value]) => [`meta-data/${name}`, value]),
  );
  if (server.publicKey !== null) {
    // EC2 lists keys as `0=name`, and has them below their number.
    documents.set('meta-data/public-keys/0/openssh-key', server.publicKey);
  }
  if (server.userData !== null) documents.set('user-data', { base64: server.userData });
  return documents;
}

/** Versions under which guests look for EC2's documents on a config drive. */
const folders = ['ec2/latest', 'ec2/2009-04-04'];

/**
 * EC2's documents as a config drive has them: all facts in one, by which cloud-init finds the ephemeral and swap disks that
 * it puts to use.
 */
export async function ec2Files(cloud: Cloud, serverId: string): Promise<FileContents> {
  const documents = await ec2Documents(cloud, serverId);
  const metaData: Facts = {};
  for (const [path, content] of documents) {
    const [kind, ...names] = path.split('/');
    if (kind === 'meta-data' && typeof content === 'string') put(metaData, names, content);
  }
  const text = JSON.stringify(metaData);
  const userData = documents.get('user-data');
  return Object.fromEntries(
    folders.flatMap((folder) => [
      [`${folder}/meta-data.json`, text],
      ...(userData === undefined ? [] : [[`${folder}/user-data`, userData]]),
    ]),
  );
}

interface Facts {
  [name: string]: string | Facts;
}

/** Puts a fact where its path says: below the facts of its folder. */
function put(facts: Facts, [name = '', ...rest]: readonly string[], value: string): void {
  if (rest.length === 0) {
    facts[name] = value;
    return;
  }
  const folder = facts[name];
  const below: Facts = typeof folder === 'object' ? folder : {};
  facts[name] = below;
  put(below, rest, value);
}

/** By what EC2 calls them: `ephemeral0`, `swap`, and `ebs0` for the first volume beside the root disk. */
function blockDeviceMapping(disks: readonly Volume[]): Record<string, string> {
  const named: Array<[string, string]> = [
    ['ami', 'vda'],
    ['root', '/dev/vda'],
  ];
  const counts = new Map<string, number>();
  for (const { kind, device, size } of disks) {
    if (kind === 'root' || device === null || size === 0) continue;
    const name = kind === 'data' ? 'ebs' : kind;
    const index = counts.get(name) ?? 0;
    counts.set(name, index + 1);
    named.push([kind === 'swap' ? 'swap' : `${name}${index}`, device]);
  }
  return Object.fromEntries(named.map(([name, device]) => [`block-device-mapping/${name}`, device]));
}

/** An id in EC2's form follows from the cloud's own. */
function ec2Id(kind: 'i' | 'ami', id: string): string {
  return `${kind}-${id.slice(0, 8)}`;
}
