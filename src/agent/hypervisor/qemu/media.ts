import { AgentError, type GuestCdrom, type MediumVerbs } from '../../contract.ts';
import type { ImageCache } from '../../disks/image-cache.ts';
import { assertServerId } from '../../errors.ts';
import { cdromDeviceId, mediumBlockNode, mediumNode } from './command-line.ts';
import type { QemuGuest } from './guest.ts';
import type { QemuGuests } from './guests.ts';
import { type QmpConnection, QmpError } from './qmp.ts';

/** How a QEMU host changes the media in its guests' drives. */
export function qemuMedia({ guests, cache }: { guests: QemuGuests; cache: ImageCache }): MediumVerbs {
  const change = async (guest: QemuGuest, cdrom: GuestCdrom): Promise<void> => {
    const before = guest.spec!.cdroms ?? [];
    if (!before.some(({ cdromId }) => cdromId === cdrom.cdromId)) return;
    if (await guest.hasMemory()) {
      const words = `the guest of server ${guest.serverId} is suspended: its media can't change`;
      throw new AgentError('in_use', words, { retryable: false });
    }
    await assertMedia(cache, [cdrom]);
    // Said before it is so: the image stays cached from now on.
    await guest.setDevices({ cdroms: before.map((one) => (one.cdromId === cdrom.cdromId ? cdrom : one)) });
    if ((await guest.pid()) === undefined) return;
    try {
      await insert(await guest.monitor(), cdrom, cdrom.imageId === undefined ? undefined : cache.path(cdrom.imageId));
    } catch (error) {
      if ((await guest.pid()) === undefined) return; // it ended meanwhile, and has it when it starts again
      await guest.setDevices({ cdroms: before });
      throw error;
    }
  };
  return {
    async changeMedium(serverId, cdrom) {
      assertServerId(serverId);
      await guests.alone(serverId, async () => {
        const guest = guests.find(serverId);
        if (guest?.spec) await change(guest, cdrom);
      });
    },
  };
}

/** Refuses media that are not on this host, and images whose bytes are no medium's. */
export async function assertMedia(cache: ImageCache, cdroms: readonly GuestCdrom[] = []): Promise<void> {
  for (const { imageId } of cdroms) {
    if (imageId === undefined) continue;
    const { format } = await cache.find(imageId);
    if (format !== 'raw') throw new AgentError('unsupported', `image ${imageId} is no ISO image`);
  }
}

/** What a drive is and holds, as `query-block` tells. */
interface BlockDevice {
  qdev?: string;
  inserted?: { 'node-name': string };
}

/** How often a guest may close its drive before it is given up. */
const mostTries = 50;

/**
 * May be repeated: what is in the drive already stays there. A guest that has locked it is not asked.
 * @param filename of the medium; none empties the drive
 */
export async function insert(qmp: QmpConnection, cdrom: GuestCdrom, filename: string | undefined): Promise<void> {
  const id = cdromDeviceId(cdrom.cdromId);
  const node = filename === undefined ? undefined : mediumNode(cdrom);
  const inside = await nodeIn(qmp, id);
  if (inside === node) return await qmp.execute('blockdev-close-tray', { id });
  if (inside !== undefined) {
    await withOpenTray(qmp, id, 'blockdev-remove-medium');
    await removeNode(qmp, inside);
  }
  if (node !== undefined) {
    // One that an earlier try has left.
    await removeNode(qmp, node);
    await qmp.execute('blockdev-add', mediumBlockNode(cdrom, filename!));
    try {
      await withOpenTray(qmp, id, 'blockdev-insert-medium', { 'node-name': node });
    } catch (error) {
      await removeNode(qmp, node);
      throw error;
    }
  }
  await qmp.execute('blockdev-close-tray', { id });
}

/** Runs a command that needs the tray open. The guest may close it at any moment, as firmware does that looks for media. */
async function withOpenTray(qmp: QmpConnection, id: string, command: string, more: object = {}): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    await qmp.execute('blockdev-open-tray', { id, force: true });
    try {
      return await qmp.execute(command, { id, ...more });
    } catch (error) {
      const isClosed = error instanceof QmpError && /tray .*is not open/i.test(error.message);
      if (!isClosed || attempt === mostTries) throw error;
    }
  }
}

async function nodeIn(qmp: QmpConnection, id: string): Promise<string | undefined> {
  const devices = await qmp.execute<BlockDevice[]>('query-block');
  // Depending on the device QEMU names its path in the tree of objects, which ends with the id.
  const drive = devices.find(({ qdev }) => qdev === id || qdev?.endsWith(`/${id}`));
  return drive?.inserted?.['node-name'];
}

async function removeNode(qmp: QmpConnection, node: string): Promise<void> {
  try {
    await qmp.execute('blockdev-del', { 'node-name': node });
  } catch (error) {
    if (!(error instanceof QmpError)) throw error; // there is none
  }
}
