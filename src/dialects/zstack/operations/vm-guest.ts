import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { platforms } from '../protocol/field-schemas.ts';
import { platformOf } from './image-fields.ts';

/** What may be said of a server's guest beside what its image says. */
interface GuestDescription {
  platform?: (typeof platforms)[number];
  guestOsType?: string;
}

/**
 * Notes what a server's owner says of its guest, in inherent system tags (`platform::Linux`): the machine itself is as
 * the image asks for, whatever is said here.
 */
export async function describeGuest(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  { platform, guestOsType }: GuestDescription,
): Promise<void> {
  const said = { platform: platform && platformOf(platform), guestOsType };
  const on = { kind: 'system', resourceType: 'server', resourceId: serverId, isInherent: true } as const;
  for (const [name, value] of Object.entries(said)) {
    if (value === undefined) continue;
    await cloud.tags.renew(subject, on, (tag) => tag.startsWith(`${name}::`), [`${name}::${value}`]);
  }
}
