import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * What tells the machine of a host apart from every other one. The host's folder there keeps it from the joining on, and
 * its cloud knows it: whoever says it may use the agent, and a machine that has another one is another machine.
 */
export interface HostIdentity {
  hostId: string;
  /** Made up by the cloud, and told nobody else. */
  key: string;
}

/** As the file on the machine has it. */
export function identityText({ hostId, key }: HostIdentity): string {
  return `${JSON.stringify({ hostId, key })}\n`;
}

/** What such a file says; undefined where it says something else. */
export function identityIn(text: string): HostIdentity | undefined {
  try {
    const { hostId, key } = JSON.parse(text) as Partial<HostIdentity>;
    return typeof hostId === 'string' && typeof key === 'string' && key !== '' ? { hostId, key } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether somebody says who they should be. How long it takes tells nothing. */
export function isSame(one: HostIdentity, said: Partial<HostIdentity>): boolean {
  const digest = ({ hostId = '', key = '' }: Partial<HostIdentity>) =>
    createHash('sha256')
      .update(JSON.stringify([hostId, key]))
      .digest();
  return timingSafeEqual(digest(one), digest(said));
}
