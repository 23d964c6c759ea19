import type { GuestNic, NicSubnet } from '../../agent/contract.ts';
import type { FileContents } from '../../agent/file-content.ts';
import { withDashes } from '../../env/env.ts';
import type { TaggedDevice } from './device-tags.ts';
import type { Server } from './model.ts';

export interface ConfigDriveFacts {
  server: Server;
  zoneName: string;
  nics: readonly GuestNic[];
  /** Its devices that have a tag. */
  devices?: readonly TaggedDevice[];
  /** Only while the guest is built: it is told its password once. */
  adminPass?: string;
  /** Files that the user wants in the guest. */
  personality?: ReadonlyArray<{ path: string; contents: string }>;
}

/** The folders whose documents cloud-init knows; it takes the newest that it understands. */
const folders = ['openstack/latest', 'openstack/2018-08-27', 'openstack/2012-08-10'];

/**
 * The files of the config drive, in OpenStack's format as cloud-init and its kin read it. Base64 contents of a
 * personality are decoded by the guest's tools, which expect plain bytes: they are written decoded.
 */
export function configDriveFiles(facts: ConfigDriveFacts): FileContents {
  const files: FileContents = {};
  const metaData = JSON.stringify(metaDataOf(facts));
  const networkData = JSON.stringify(networkDataOf(facts.nics));
  for (const folder of folders) {
    files[`${folder}/meta_data.json`] = metaData;
    files[`${folder}/network_data.json`] = networkData;
    files[`${folder}/vendor_data.json`] = '{}';
    // It may be anything: cloud-init takes it compressed, too.
    if (facts.server.userData !== null) files[`${folder}/user_data`] = { base64: facts.server.userData };
  }
  facts.personality?.forEach(({ contents }, index) => {
    files[`openstack/content/${contentName(index)}`] = { base64: contents };
  });
  return files;
}

function metaDataOf({ server, zoneName, devices = [], adminPass, personality }: ConfigDriveFacts) {
  const key = server.publicKey;
  return {
    uuid: withDashes(server.id),
    name: server.name,
    hostname: server.hostname,
    launch_index: server.launchIndex,
    availability_zone: zoneName,
    project_id: server.projectId,
    meta: server.metadata,
    ...(key === null
      ? {}
      : { public_keys: { [server.keyName ?? 'key']: key }, keys: [{ name: server.keyName, type: 'ssh', data: key }] }),
    ...(adminPass === undefined ? {} : { admin_pass: adminPass }),
    files: (personality ?? []).map(({ path }, index) => ({ path, content_path: `/content/${contentName(index)}` })),
    devices,
  };
}

function contentName(index: number): string {
  return String(index).padStart(4, '0');
}

/** OpenStack's network_data.json: addresses are told, so that a guest needs no DHCP client to have them. */
function networkDataOf(nics: readonly GuestNic[]) {
  const first = nics.find(({ subnet }) => subnet);
  return {
    links: nics.map((nic, index) => ({
      id: linkOf(nic),
      name: `eth${index}`,
      type: 'phy',
      ethernet_mac_address: nic.macAddress,
      mtu: nic.mtu,
      vif_id: withDashes(nic.portId),
    })),
    networks: nics
      .flatMap((nic) => [
        ...(nic.subnet ? [network4Of(nic, nic.subnet, nic === first)] : []),
        ...(nic.subnets6 ?? []).map((one) => network6Of(nic, one)),
      ])
      .map((network, index) => ({ id: `network${index}`, ...network })),
    services: [
      ...new Set(
        nics.flatMap((nic) =>
          [...(nic.subnet ? [nic.subnet] : []), ...(nic.subnets6 ?? [])].flatMap(
            ({ dnsNameservers }) => dnsNameservers,
          ),
        ),
      ),
    ].map((address) => ({
      type: 'dns',
      address,
    })),
  };
}

function network4Of(nic: GuestNic, subnet: NicSubnet, isFirst: boolean) {
  return {
    type: 'ipv4',
    link: linkOf(nic),
    ip_address: subnet.address,
    netmask: netmaskOf(subnet.cidr),
    routes: routesOf(subnet, isFirst),
    services: subnet.dnsNameservers.map((address) => ({ type: 'dns', address })),
  };
}

/** Where guests find out by themselves, the type says how, as cloud-init and its kin read it: routers tell the way out. */
function network6Of(nic: GuestNic, { mode, ...subnet }: NonNullable<GuestNic['subnets6']>[number]) {
  const routes = (subnet.routes ?? []).map(({ destination, nexthop }) => ({
    network: destination.split('/')[0],
    netmask: netmask6Of(destination),
    gateway: nexthop,
  }));
  const out = subnet.gateway && !mode ? [{ network: '::', netmask: '::', gateway: subnet.gateway }] : [];
  return {
    type: mode ? `ipv6_${mode}` : 'ipv6',
    link: linkOf(nic),
    ip_address: subnet.address,
    netmask: netmask6Of(subnet.cidr),
    routes: [...out, ...routes],
    services: subnet.dnsNameservers.map((address) => ({ type: 'dns', address })),
  };
}

function linkOf({ portId }: GuestNic): string {
  return `tap${portId.slice(0, 11)}`;
}

/** Only one default route: the first network's. */
function routesOf(subnet: NicSubnet, isFirst: boolean) {
  const others = (subnet.routes ?? []).map(({ destination, nexthop }) => ({
    network: destination.split('/')[0],
    netmask: netmaskOf(destination),
    gateway: nexthop,
  }));
  if (!subnet.gateway || !isFirst) return others;
  return [{ network: '0.0.0.0', netmask: '0.0.0.0', gateway: subnet.gateway }, ...others];
}

function netmaskOf(cidr: string): string {
  const bits = Number(cidr.split('/')[1]);
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.');
}

/** As OpenStack writes it: `ffff:ffff:ffff:ffff::`. */
function netmask6Of(cidr: string): string {
  const bits = Number(cidr.split('/')[1]);
  const groups = Array.from({ length: 8 }, (_, i) => {
    const ones = Math.min(Math.max(bits - 16 * i, 0), 16);
    return (0xffff << (16 - ones)) & 0xffff;
  });
  const used = groups.findLastIndex((group) => group !== 0) + 1;
  const text = groups.slice(0, used).map((group) => group.toString(16));
  return used === 8 ? text.join(':') : `${text.join(':')}::`;
}
