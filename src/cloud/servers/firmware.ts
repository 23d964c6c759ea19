import type { Cloud } from '../cloud.ts';
import type { Subject } from '../identity/subject.ts';
import { checkTransition, lockServer, updateServer } from './transition.ts';

/** Only of a stopped server: one that runs is moved to other hosts as the machine that it is. */
const setFirmwareOf = { name: 'set_firmware', from: ['stopped'], task: null } as const;

/**
 * Sets with which firmware a server boots from its next start on, in the place of what its image says: until it is rebuilt.
 * Throws `conflict` (`state`) unless it is stopped, and `not_found`.
 */
export async function setFirmware(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  firmware: 'bios' | 'uefi',
): Promise<void> {
  await cloud.db.write(async (tx) => {
    const server = await lockServer(tx, subject, serverId);
    checkTransition(subject, server, setFirmwareOf);
    const hardware = JSON.stringify({ ...server.hardware, hw_firmware_type: firmware });
    await updateServer(cloud, tx, serverId, { hardware });
  });
}
