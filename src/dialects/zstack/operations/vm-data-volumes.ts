import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { BlockDevice } from '../../../cloud/servers/block-devices.ts';
import { gibibyte } from '../inventories/common.ts';
import { invalidArgument, operationFailed, resourceNotFound } from '../protocol/zstack-error.ts';

/** Bytes that a disk offering says; undefined where none is named. Throws for one that is unknown or disabled. */
export async function sizeOf(cloud: Cloud, field: string, uuid: string | undefined): Promise<number | undefined> {
  if (!uuid) return undefined;
  try {
    return (await cloud.diskOfferings.usable(uuid)).diskSize;
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    throw resourceNotFound(field, uuid, 'DiskOfferingVO');
  }
}

/** The sizes of the data volumes that a server shall be made with: those by number, then those by offering. */
export async function dataSizesOf(
  cloud: Cloud,
  { dataDiskSizes = [], dataDiskOfferingUuids = [] }: { dataDiskSizes?: number[]; dataDiskOfferingUuids?: string[] },
): Promise<number[]> {
  const sizes = [...dataDiskSizes];
  for (const uuid of dataDiskOfferingUuids) sizes.push((await sizeOf(cloud, 'dataDiskOfferingUuids', uuid))!);
  const odd = sizes.find((size) => size % 512 !== 0);
  if (odd !== undefined) throw invalidArgument(`the size[${odd}] of a data volume must be a multiple of 512`);
  return sizes;
}

const nameOf = (serverName: string, index: number) => `DATA-for-${serverName}-${index + 1}`;

/** Data volumes that are made along with a server. */
export function blankVolumes(serverName: string, sizes: readonly number[], storageId?: string | null): BlockDevice[] {
  const blank = { source: 'blank', destination: 'volume', bootIndex: null, deleteOnTermination: false } as const;
  return sizes.map((size, index) => ({
    ...blank,
    name: nameOf(serverName, index),
    sizeGb: size / gibibyte,
    storageId,
  }));
}

/** Makes data volumes for a server that was just made. Where one of them fails, the server goes too. */
export async function addDataVolumes(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  serverName: string,
  sizes: readonly number[],
  storageId?: string | null,
): Promise<void> {
  const { zoneId, hostId } = await cloud.servers.get(subject, serverId);
  const zone = zoneId === null ? undefined : (await cloud.zones.names()).get(zoneId);
  // Where the server is: then they need not come there.
  const place = { hostId: hostId ?? undefined, storageId };
  try {
    for (const [index, size] of sizes.entries()) {
      const name = nameOf(serverName, index);
      const made = await cloud.blockStorage.create(subject, { name, size, zone, place });
      await ended(cloud, made.actionId);
      const { actionId } = await cloud.blockStorage.attach(subject, serverId, { volumeId: made.volume.id });
      await ended(cloud, actionId);
    }
  } catch (error) {
    await cloud.servers.delete(subject, serverId).catch(() => undefined);
    throw error;
  }
}

/** No operation takes longer. */
const longestMs = 72 * 3600 * 1000;

/** Waits for an action; throws what it failed of. */
export async function ended(cloud: Cloud, actionId: string): Promise<void> {
  const outcome = await cloud.runner.wait(actionId, { timeoutMs: longestMs });
  if (outcome?.state === 'failed') throw operationFailed(outcome.failure?.message ?? 'the operation failed');
}
