import { type Static, Type } from 'typebox';
import type { Tx } from '../../../database/database.ts';
import { newId } from '../../../env/env.ts';
import { step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { blankBeside, contentOf, localDisksOf } from '../local-disks.ts';
import { localContent } from '../schemas.ts';
import { type GuestInput, type GuestState, hostOf } from './guest.ts';

/** A local disk that is made anew, with nothing of what was on it. */
export const renewedDisk = Type.Object({
  volumeId: Type.String(),
  /** Absent where there was none, as in an error. */
  oldDiskId: Type.Optional(Type.String()),
  /** Stored before it is made. */
  newDiskId: Type.String(),
  /** Bytes. */
  size: Type.Number(),
  ...localContent.properties,
});

interface LocalDisksInput extends GuestInput {
  localDisks?: Array<Static<typeof renewedDisk>>;
  /** The root disk, beside which they are made: a new one, or the one that stays. */
  newDiskId?: string;
  keptDiskId?: string;
}

/** The local disks of a server, each with an id for the one that takes its place. */
export async function disksToRenew(cloud: Cloud, tx: Tx, serverId: string) {
  return (await localDisksOf(tx, serverId)).map((row) => ({
    volumeId: row.id,
    oldDiskId: row.disk_id ?? undefined,
    newDiskId: newId(cloud.env),
    size: row.size,
    content: contentOf(row),
  }));
}

/** Makes the local disks anew, beside what there was. */
export const createLocalDisks = step<LocalDisksInput, GuestState>('createLocalDisks', {
  retry: { attempts: 3, backoffMs: 500 },
  async do(context) {
    const { services, input } = context;
    for (const { newDiskId: diskId, size, content } of input.localDisks!) {
      const base = blankBeside({ content }, input.newDiskId ?? input.keptDiskId);
      await services.hosts.ensureDisk(hostOf(context), { diskId, size, base });
    }
  },
  async undo(context) {
    const { services, input } = context;
    const agent = services.hosts.agent(hostOf(context));
    for (const { newDiskId } of input.localDisks!) await agent.removeDisk(newDiskId);
    return {
      async commit(tx) {
        for (const { newDiskId } of input.localDisks!) await services.volumes.forgetDisk(tx, newDiskId);
      },
    };
  },
});

/** Makes the new disks the server's. The old ones are kept until the action has ended well. */
export const swapLocalDisks = step<LocalDisksInput, GuestState>('swapLocalDisks', {
  async do({ services, input }) {
    return {
      async commit(tx) {
        for (const { volumeId, newDiskId } of input.localDisks!)
          await services.volumes.setDisk(tx, volumeId, newDiskId);
      },
    };
  },
  async undo({ services, input }) {
    return {
      async commit(tx) {
        for (const { volumeId, oldDiskId = null } of input.localDisks!)
          await services.volumes.setDisk(tx, volumeId, oldDiskId);
      },
    };
  },
});

export const hasLocalDisks = ({ input }: { input: { localDisks?: unknown[] } }) => (input.localDisks?.length ?? 0) > 0;
