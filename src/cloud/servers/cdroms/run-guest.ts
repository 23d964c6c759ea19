import type { GuestCdrom } from '../../../agent/contract.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import { bringImage } from '../../volumes/image-cache.ts';
import { guestSpecOf, type SpecOverrides } from '../guest-spec.ts';
import type { Server } from '../model.ts';

/**
 * Makes the server's guest run on the host as its rows have it, with the media of its drives. An image that is gone for
 * good, or can't be had now, is left out: the guest starts with the drive empty.
 */
export async function runGuest(
  cloud: Cloud,
  hostId: string,
  server: Server,
  overrides: SpecOverrides = {},
): Promise<void> {
  await cloud.hostNetworks.prepare(hostId);
  const spec = await guestSpecOf(cloud, server, overrides);
  if (spec.cdroms) spec.cdroms = await Promise.all(spec.cdroms.map((one) => withMedium(cloud, hostId, one)));
  await cloud.hosts.agent(hostId).ensureGuestRunning(spec);
}

async function withMedium(cloud: Cloud, hostId: string, { cdromId, imageId }: GuestCdrom): Promise<GuestCdrom> {
  if (imageId === undefined) return { cdromId };
  try {
    await bringImage(cloud, hostId, imageId);
    return { cdromId, imageId };
  } catch (err) {
    if (!(err instanceof CloudError)) throw err;
    cloud.log.warn({ err, hostId, imageId, cdromId }, 'a guest starts without what is in its drive');
    return { cdromId };
  }
}
