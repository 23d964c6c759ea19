import type { DiskLimits, GuestDisk, GuestNic, GuestSpec } from '../../agent/contract.ts';
import type { Cloud } from '../cloud.ts';
import { limitsOfFlavor } from '../volumes/disk-limits.ts';
import type { Volume } from '../volumes/model.ts';
import { combinedLimits, type OwnLimits } from '../volumes/own-limits.ts';
import { drivesOf } from './cdroms/drives.ts';
import type { FlavorFacts, Server } from './model.ts';

/** What differs from the server's rows while a change is under way that is not committed yet. */
export interface SpecOverrides {
  flavor?: FlavorFacts;
  rootDiskId?: string;
  /** Of volumes, by their ids. */
  ownLimits?: ReadonlyMap<string, OwnLimits>;
}

/** The server as its host has to run it. */
export async function guestSpecOf(cloud: Cloud, server: Server, overrides: SpecOverrides = {}): Promise<GuestSpec> {
  const volumes = await cloud.volumes.ofServer(server.id);
  const flavor = overrides.flavor ?? server.flavor;
  const bus = diskBusOf(server.hardware);
  const disks: GuestDisk[] = [];
  for (const volume of volumes) {
    const isRoot = volume.id === server.rootVolumeId;
    const diskId = isRoot && overrides.rootDiskId ? overrides.rootDiskId : volume.diskId;
    if (!diskId && volume.localDisk && volume.size === 0) continue; // a resize has given or taken it
    if (!diskId) throw new Error(`volume ${volume.id} of server ${server.id} has no disk`);
    const above = await limitsAbove(cloud, volume, flavor);
    const limits = combinedLimits(above, overrides.ownLimits?.get(volume.id) ?? volume.ownLimits);
    const readOnly = !isRoot && volume.metadata['readonly'] === 'True';
    disks.push({
      ...{ diskId, volumeId: volume.id, bus: isRoot ? bus : busOf(volume, bus) },
      ...(readOnly ? { readOnly } : {}),
      ...(volume.multiattach ? { shared: true } : {}),
      ...(limits ? { limits } : {}),
    });
  }
  // Its serial number is the disk's own: the root volume's is the root disk's.
  if (server.rescueDiskId) {
    const rescueDisk = { diskId: server.rescueDiskId, volumeId: server.rescueDiskId };
    if (server.rescueBus) disks.push({ ...rescueDisk, bus: server.rescueBus, bootsFirst: true });
    else disks.unshift({ ...rescueDisk, bus });
  }
  const screenPassword = await cloud.servers.consolePasswords.of(server.id);
  return {
    serverId: server.id,
    instanceName: server.instanceName,
    vcpus: flavor.vcpus,
    memoryMb: flavor.memoryMb,
    bootMode: server.hardware['hw_firmware_type'] === 'uefi' ? 'uefi' : 'bios',
    disks,
    ...(await drivesOf(cloud, server)),
    hasConfigDrive: true,
    nics: await guestNicsOf(cloud, server),
    ...(screenPassword === undefined ? {} : { screenPassword }),
  };
}

/** A flavor limits what is part of the server, a type its volumes: as Nova has it. */
export function limitsAbove(
  cloud: Cloud,
  volume: Volume,
  flavor: Pick<FlavorFacts, 'extraSpecs'>,
): DiskLimits | undefined | Promise<DiskLimits | undefined> {
  if (volume.origin === 'server') return limitsOfFlavor(flavor.extraSpecs);
  return cloud.blockStorage.qos.limitsOf(volume.volumeType, volume.size);
}

/** The server's interfaces as its host has to make them. */
export async function guestNicsOf(cloud: Cloud, server: Server): Promise<GuestNic[]> {
  const nics = await cloud.networks.nicsOf(server.id);
  return server.hardware['hw_vif_model'] === 'e1000' ? nics.map((nic) => ({ ...nic, model: 'e1000' as const })) : nics;
}

/** A disk of the server's own is on the bus of its image, where nobody said another; volumes can come and go. */
function busOf({ localDisk }: Volume, bus: GuestDisk['bus']): GuestDisk['bus'] {
  return localDisk ? (localDisk.bus ?? bus) : 'virtio';
}

/** Glance's `hw_disk_bus`, as far as hosts know the bus. */
function diskBusOf(hardware: Record<string, string>): GuestDisk['bus'] {
  const wanted = hardware['hw_disk_bus'];
  return wanted === 'sata' || wanted === 'ide' ? wanted : 'virtio';
}

/** Properties of an image that configure the guests made of it, as Nova's image metadata names them. */
export const hardwareProperties: readonly string[] = [
  'hw_firmware_type',
  'hw_disk_bus',
  'hw_vif_model',
  'hw_machine_type',
  'architecture',
  'os_type',
  'os_admin_user',
  'os_distro',
];
