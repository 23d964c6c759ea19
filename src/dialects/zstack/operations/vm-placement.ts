import { createHash } from 'node:crypto';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Flavor } from '../../../cloud/flavors/flavors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Image } from '../../../cloud/images/model.ts';
import { gibibyte, mebibyte } from '../inventories/common.ts';
import { invalidArgument, operationFailed, resourceNotFound } from '../protocol/zstack-error.ts';
import { imageNamed } from './image-words.ts';

/** The image, if a server can be made from it; else the dialect's own words for why not. */
export async function usableImage(cloud: Cloud, subject: Subject, uuid: string | undefined): Promise<Image> {
  if (uuid === undefined) {
    throw invalidArgument(
      'field[imageUuid] of message[org.zstack.header.vm.APICreateVmInstanceMsg] is mandatory, can not be null',
    );
  }
  const image = await imageNamed(cloud, subject, 'imageUuid', uuid);
  if (image.status === 'deactivated') throw operationFailed(`image[uuid:${uuid}] is Disabled, can't create vm from it`);
  if (image.status !== 'active') throw operationFailed(`image[uuid:${uuid}] is not ready yet, can't create vm from it`);
  if (image.mediaType === 'data') {
    throw invalidArgument(
      `image[uuid:${uuid}] is of mediaType: DataVolumeTemplate, only RootVolumeTemplate and ISO can be used to create vm`,
    );
  }
  if (image.isSystem) throw invalidArgument(`image[uuid:${uuid}] is system image, can't be used to create user vm`);
  return image;
}

/** What a request says of a server's size. */
export interface Size {
  instanceOfferingUuid?: string;
  cpuNum?: number;
  memorySize?: number;
  rootDiskSize?: number;
}

/** Root volumes of servers that were made without an offering, and say no size themselves. */
const usualRootGb = 20;

/**
 * The size of a new server: the offering that was named, or else the smallest one with exactly these processors and
 * this memory whose root volume is large enough, or else a size of the server's own.
 */
export async function flavorFor(cloud: Cloud, subject: Subject, size: Size): Promise<Flavor> {
  const { instanceOfferingUuid, cpuNum, memorySize, rootDiskSize = 0 } = size;
  const named = instanceOfferingUuid ? await offering(cloud, subject, instanceOfferingUuid) : undefined;
  if (named && named.diskGb * gibibyte >= rootDiskSize) return named;
  const vcpus = named ? named.vcpus : cpuNum;
  const memory = named ? named.memoryMb * mebibyte : memorySize;
  if (!vcpus || !memory) throw invalidArgument('Missing CPU/memory settings');
  const fitting = (await cloud.flavors.list(subject))
    .filter((flavor) => flavor.vcpus === vcpus && flavor.memoryMb * mebibyte === memory)
    .filter((flavor) => flavor.diskGb * gibibyte >= rootDiskSize)
    // Nobody asked for more disks, of which ZStack has no word.
    .filter(({ ephemeralGb, swapMb }) => ephemeralGb === 0 && swapMb === 0)
    .toSorted((a, b) => a.diskGb - b.diskGb)[0];
  if (fitting) return fitting;
  if (memory % mebibyte !== 0) throw invalidArgument('field[memorySize] must be whole mebibytes');
  const diskGb = Math.ceil(rootDiskSize / gibibyte) || named?.diskGb || usualRootGb;
  return ownSize(vcpus, memory / mebibyte, diskGb, named);
}

/** What is stored of a server's size where it is no flavor's: the offering is named only where one was. */
function ownSize(vcpus: number, memoryMb: number, diskGb: number, named: Flavor | undefined): Flavor {
  return {
    id: named?.id ?? `custom-${vcpus}-${memoryMb}-${diskGb}`,
    uuid: named?.uuid ?? '',
    name: named?.name ?? `custom-${vcpus}-${memoryMb}-${diskGb}`,
    description: null,
    vcpus,
    memoryMb,
    diskGb,
    ephemeralGb: named?.ephemeralGb ?? 0,
    swapMb: named?.swapMb ?? 0,
    rxtxFactor: 1,
    isPublic: false,
    enabled: true,
    extraSpecs: named?.extraSpecs ?? {},
    createdAt: 0,
    updatedAt: 0,
  };
}

async function offering(cloud: Cloud, subject: Subject, uuid: string): Promise<Flavor> {
  try {
    return await cloud.flavors.get(subject, uuid);
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    throw resourceNotFound('instanceOfferingUuid', uuid, 'InstanceOfferingVO');
  }
}

/** What a request says of where a server shall be. */
export interface Place {
  zoneUuid?: string;
  clusterUuid?: string;
  hostUuid?: string;
}

/** The name of the zone in which the named places are; undefined where none is named. */
export async function zoneNameFor(cloud: Cloud, subject: Subject, place: Place): Promise<string | undefined> {
  const { zoneUuid, clusterUuid, hostUuid } = place;
  const names = await cloud.zones.names();
  if (zoneUuid !== undefined && !names.has(zoneUuid)) throw resourceNotFound('zoneUuid', zoneUuid, 'ZoneVO');
  const cluster = (await cloud.zones.clusters()).find(({ id }) => id === clusterUuid);
  if (clusterUuid !== undefined && !cluster) throw resourceNotFound('clusterUuid', clusterUuid, 'ClusterVO');
  const hosts = await cloud.hosts.list();
  const host = hosts.find(({ id }) => id === hostUuid);
  if (hostUuid !== undefined && !host) throw resourceNotFound('hostUuid', hostUuid, 'HostVO');
  const zones = new Set([zoneUuid, cluster?.zoneId, host?.zoneId].filter((id) => id !== undefined));
  if (zones.size > 1) throw invalidArgument('the zone, cluster and host that were named are not in one zone');
  const [zone] = zones;
  if (host && cluster && host.clusterId !== cluster.id) {
    throw invalidArgument(`host[uuid:${host.id}] is not in cluster[uuid:${cluster.id}]`);
  }
  // Which of several hosts is used is not for accounts to say.
  if (host && !subject.isAdmin && hosts.some(({ zoneId, id }) => zoneId === zone && id !== host.id)) {
    throw operationFailed(`the zone of host[uuid:${hostUuid}] has other hosts, and this cloud chooses hosts itself`);
  }
  return zone === undefined ? undefined : names.get(zone);
}

/** The user's key pair with this public key; made under a name of its own where there is none. */
export async function keyNameFor(cloud: Cloud, subject: Subject, publicKey: string): Promise<string> {
  const wanted = publicKey.trim();
  const known = (await cloud.keypairs.list(subject)).find((keypair) => keypair.publicKey.trim() === wanted);
  if (known) return known.name;
  const name = `sshkey-${createHash('sha256').update(wanted).digest('hex').slice(0, 16)}`;
  return (await cloud.keypairs.create(subject, { name, publicKey: wanted })).keypair.name;
}
