import { AgentError, type GuestCdrom, type MediumVerbs } from '../../contract.ts';
import type { SimulatedObjects } from './objects.ts';
import type { SimulatedDisk, SimulatedGuest, SimulatedImage } from './parts.ts';

interface MediaParts {
  guests: SimulatedObjects<SimulatedGuest>;
  images: SimulatedObjects<SimulatedImage>;
  verb<T>(verb: keyof MediumVerbs, args: readonly unknown[], work: () => Promise<T>): Promise<T>;
}

/** How a simulated host changes the media in its guests' drives: with the refusals of a real one. */
export function simulatedMedia({ guests, images, verb }: MediaParts): MediumVerbs {
  return {
    changeMedium: (serverId, cdrom) =>
      verb('changeMedium', [serverId, cdrom], async () => {
        const guest = guests.get(serverId);
        const drives = guest?.spec?.cdroms ?? [];
        if (!guest?.spec || !drives.some(({ cdromId }) => cdromId === cdrom.cdromId)) return;
        if (guest.state === 'suspended') {
          const words = `the guest of server ${serverId} is suspended: its media can't change`;
          throw new AgentError('in_use', words, { retryable: false });
        }
        assertMedia(images, [cdrom]);
        const cdroms = drives.map((one) => (one.cdromId === cdrom.cdromId ? cdrom : one));
        guests.set(serverId, { ...guest, spec: { ...guest.spec, cdroms } });
      }),
  };
}

/** Refuses media that are not on this host. */
export function assertMedia(images: SimulatedObjects<SimulatedImage>, cdroms: readonly GuestCdrom[] = []): void {
  const missing = cdroms.find(({ imageId }) => imageId !== undefined && !images.get(imageId));
  if (missing) throw new AgentError('not_found', `image ${missing.imageId} is not cached on this host`);
}

/** Refuses to let go of an image that is under a disk, or in a drive. */
export function assertUnused(
  imageId: string,
  disks: SimulatedObjects<SimulatedDisk>,
  guests: SimulatedObjects<SimulatedGuest>,
): void {
  if ([...disks.values()].some((disk) => disk.imageId === imageId))
    throw new AgentError('in_use', `a disk of this host is a layer over image ${imageId}`);
  const isMedium = [...guests.values()].some(({ spec }) => spec?.cdroms?.some((one) => one.imageId === imageId));
  if (isMedium) throw new AgentError('in_use', `a drive of this host has image ${imageId}`);
}
