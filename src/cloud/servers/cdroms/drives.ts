import type { GuestSpec } from '../../../agent/contract.ts';
import type { Cloud } from '../../cloud.ts';
import type { Server } from '../model.ts';

/** The part of a guest's specification that is about its drives. Absent where it has none. */
export async function drivesOf(cloud: Cloud, server: Server): Promise<Pick<GuestSpec, 'cdroms' | 'bootOrder'>> {
  const drives = await cloud.servers.cdroms.ofServer(server.id);
  if (drives.length === 0) return {};
  const cdroms = drives.map(({ id, imageId }) => ({ cdromId: id, ...(imageId === null ? {} : { imageId }) }));
  // What rescues it is a disk.
  return server.rescueDiskId ? { cdroms } : { cdroms, bootOrder: await cloud.servers.cdroms.bootOrder(server.id) };
}
