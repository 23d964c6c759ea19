import { createHash } from 'node:crypto';
import type { Host } from '../../../cloud/hosts/model.ts';
import type { ServerDetail } from '../../../cloud/servers/details.ts';
import type { FlavorFacts } from '../../../cloud/servers/model.ts';
import { statusesWithProgress, statusOf } from '../../../cloud/servers/states.ts';
import { withDashes } from '../../../env/env.ts';
import { bookmark, resourceLinks } from '../common/links.ts';
import { isoMicros, isoSeconds } from '../common/time.ts';
import { flavorIdView } from './wire.ts';

/** For whom, and in which version of the API. */
export interface ServerViewContext {
  /** The compute API's mount point as the client reached it. */
  base: string;
  /** The microversion without its 2. */
  minor: number;
  isAdmin: boolean;
}

/** What is shown of a server that is kept elsewhere. */
export interface ServerExtras {
  tags?: readonly string[];
  /** The server group that it is in. */
  groupIds?: readonly string[];
  /** Name of the zone that its user asked for. */
  pinnedZone?: string | null;
  /** Where it is, for administrators. */
  host?: Pick<Host, 'state' | 'status'>;
}

export function summaryView({ id, name }: Pick<ServerDetail, 'id' | 'name'>, base: string) {
  return { id: withDashes(id), name, links: resourceLinks(base, `servers/${withDashes(id)}`) };
}

/** What every answer about a server has; the answers to its update and its rebuild have no more. */
export function basicView(server: ServerDetail, context: ServerViewContext, extras: ServerExtras) {
  const { base, minor } = context;
  const status = statusOf(server.vmState, server.taskState);
  return {
    ...summaryView(server, base),
    status,
    tenant_id: server.projectId,
    user_id: server.userId,
    metadata: server.metadata,
    hostId: server.hostName === null ? '' : hostIdOf(server.projectId, server.hostName),
    image: imageView(server.imageId, base),
    flavor: minor >= 47 ? embeddedFlavor(server.flavor) : flavorView(server.flavor, base),
    created: isoSeconds(server.createdAt),
    updated: isoSeconds(server.updatedAt),
    addresses: addressesView(server),
    accessIPv4: server.accessIpv4,
    accessIPv6: server.accessIpv6,
    ...(statusesWithProgress.has(status) ? { progress: server.progress } : {}),
    ...faultView(server, status, context.isAdmin),
    'OS-DCF:diskConfig': server.diskConfig,
    ...(minor >= 9 ? { locked: server.locked } : {}),
    ...(minor >= 73 ? { locked_reason: server.lockedReason } : {}),
    ...(minor >= 19 ? { description: server.description } : {}),
    ...(minor >= 26 ? { tags: extras.tags ?? [] } : {}),
    // Images' signatures are not checked, so no certificate is trusted for them.
    ...(minor >= 63 ? { trusted_image_certificates: null } : {}),
    ...(minor >= 71 && extras.groupIds ? { server_groups: extras.groupIds.map(withDashes) } : {}),
  };
}

/** A server as lists with details and reads of one show it. */
export function detailView(server: ServerDetail, context: ServerViewContext, extras: ServerExtras) {
  return {
    ...basicView(server, context, extras),
    addresses: extendedAddresses(server),
    'OS-EXT-AZ:availability_zone': server.zoneName,
    config_drive: server.hasConfigDrive ? 'True' : '',
    key_name: server.keyName,
    'OS-SRV-USG:launched_at': timeOrNull(server.launchedAt),
    'OS-SRV-USG:terminated_at': timeOrNull(server.terminatedAt),
    ...(server.securityGroups.length > 0 ? { security_groups: server.securityGroups.map((name) => ({ name })) } : {}),
    'OS-EXT-STS:vm_state': server.vmState,
    'OS-EXT-STS:task_state': server.taskState,
    'OS-EXT-STS:power_state': server.powerState,
    'os-extended-volumes:volumes_attached': server.attachedVolumes.map(({ id, deleteOnTermination }) => ({
      id: withDashes(id),
      ...(context.minor >= 3 ? { delete_on_termination: deleteOnTermination } : {}),
    })),
    ...(context.minor >= 90 ? { 'OS-EXT-SRV-ATTR:hostname': server.hostname } : {}),
    ...(context.minor >= 96 ? { pinned_availability_zone: extras.pinnedZone ?? null } : {}),
    ...(context.isAdmin ? attributesForAdmins(server, context.minor, extras) : {}),
  };
}

function attributesForAdmins(server: ServerDetail, minor: number, { host }: ServerExtras) {
  const from3 = {
    'OS-EXT-SRV-ATTR:hostname': server.hostname,
    'OS-EXT-SRV-ATTR:reservation_id': server.reservationId,
    'OS-EXT-SRV-ATTR:launch_index': server.launchIndex,
    'OS-EXT-SRV-ATTR:ramdisk_id': '',
    'OS-EXT-SRV-ATTR:kernel_id': '',
    'OS-EXT-SRV-ATTR:root_device_name': '/dev/vda',
    'OS-EXT-SRV-ATTR:user_data': server.userData,
  };
  return {
    'OS-EXT-SRV-ATTR:host': server.hostName,
    'OS-EXT-SRV-ATTR:instance_name': server.instanceName,
    'OS-EXT-SRV-ATTR:hypervisor_hostname': server.hostName,
    ...(minor >= 3 ? from3 : {}),
    ...(minor >= 16 ? { host_status: hostStatus(host) } : {}),
  };
}

/** Users see that two of their servers share a host, but not which one it is. */
export function hostIdOf(projectId: string, hostName: string): string {
  const key = projectId + hostName;
  const known = hostIds.get(key);
  if (known !== undefined) return known;
  const digest = createHash('sha224').update(key).digest('hex');
  if (hostIds.size >= maxHostIds) hostIds.clear();
  hostIds.set(key, digest);
  return digest;
}

const hostIds = new Map<string, string>();
const maxHostIds = 10_000;

function imageView(imageId: string | null, base: string) {
  if (imageId === null) return '';
  const id = withDashes(imageId);
  return { id, links: [bookmark(base, `images/${id}`)] };
}

function flavorView(flavor: FlavorFacts, base: string) {
  const id = flavorIdView(flavor);
  return { id, links: [bookmark(base, `flavors/${id}`)] };
}

function embeddedFlavor(flavor: FlavorFacts) {
  return {
    vcpus: flavor.vcpus,
    ram: flavor.memoryMb,
    disk: flavor.diskGb,
    ephemeral: flavor.ephemeralGb,
    swap: flavor.swapMb,
    original_name: flavor.name,
    extra_specs: flavor.extraSpecs,
  };
}

type Addresses = ServerDetail['addresses'];

/** By network name, as in `/ips` and the answers to updates. */
export function addressesView({ addresses }: { addresses: Addresses }) {
  return byNetwork(addresses, ({ version, address }) => ({ version, addr: address }));
}

function extendedAddresses({ addresses }: { addresses: Addresses }) {
  return byNetwork(addresses, ({ version, address, macAddress, kind }) => ({
    version,
    addr: address,
    'OS-EXT-IPS:type': kind,
    'OS-EXT-IPS-MAC:mac_addr': macAddress,
  }));
}

function byNetwork<View>(addresses: Addresses, view: (address: Addresses[number]) => View): Record<string, View[]> {
  const views: Record<string, View[]> = {};
  for (const address of addresses) {
    const known = views[address.networkName];
    if (known) known.push(view(address));
    else views[address.networkName] = [view(address)];
  }
  return views;
}

function faultView({ fault }: ServerDetail, status: string, isAdmin: boolean) {
  if (fault === null || (status !== 'ERROR' && status !== 'DELETED')) return {};
  const { code, message, details, createdAt } = fault;
  const forAll = { code, created: isoSeconds(createdAt), message };
  return { fault: isAdmin && details !== '' ? { ...forAll, details } : forAll };
}

function hostStatus(host: ServerExtras['host']): string {
  if (!host) return '';
  if (host.state !== 'enabled') return 'MAINTENANCE';
  return host.status === 'connected' ? 'UP' : 'DOWN';
}

function timeOrNull(micros: number | null): string | null {
  return micros === null ? null : isoMicros(micros);
}
