import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';

/** Asks its host how many bytes a volume really takes, and notes it. Throws `conflict` where no host has it. */
export async function measureVolume(cloud: Cloud, subject: Subject, volumeId: string): Promise<void> {
  const { diskId, hostId } = await cloud.volumes.get(subject, volumeId);
  if (diskId === null || hostId === null) throw new CloudError('conflict', `Volume ${volumeId} has no disk.`);
  const usage = await cloud.hosts.agent(hostId).diskUsage(diskId);
  await cloud.db.write((tx) => cloud.volumes.noteUsage(tx, volumeId, usage));
}
