import { Type } from 'typebox';
import { AgentError, type SwappedDisk } from '../../../agent/contract.ts';
import type { Tx } from '../../../database/database.ts';
import { newId, withDashes } from '../../../env/env.ts';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { beginTransition, settleServer } from '../../servers/transition.ts';
import { invalidVolume, lockVolume, requireStatus, settleVolume, steadyStatus } from '../rules.ts';
import { refuseCopied } from '../shares.ts';
import { type MigrationTarget, refuseBound, takeRoom } from './migrate.ts';

interface Input {
  serverId: string;
  hostId: string;
  volumeId: string;
  /** The copy, in whose place its row says. */
  diskId: string;
  oldDiskId: string;
  /** Whether the copy is to be a layer over nothing: then it stays where it is, and is no migration. */
  flat?: boolean;
}

/** Has the guest go on with the other disk, a copy of the one that it has now. */
async function swap(
  { services, input }: { services: Cloud; input: Readonly<Input> },
  from: string,
  to: string,
): Promise<{ swapped: SwappedDisk; commit(tx: Tx): Promise<void> }> {
  const { serverId, hostId, volumeId, flat } = input;
  const query = services.db.read.selectFrom('disks').select('storage_id').where('id', '=', to);
  const storageId = (await query.executeTakeFirst())?.storage_id ?? undefined;
  const place = storageId === undefined ? {} : { storageId };
  const agent = services.hosts.agent(hostId);
  const swapped = await agent.swapDisk(serverId, {
    volumeId,
    fromDiskId: from,
    toDiskId: to,
    ...place,
    ...(flat ? { flat } : {}),
  });
  return {
    swapped,
    // What is copied live is whole, whatever it was a layer over.
    async commit(tx) {
      const image_id = swapped.imageId ?? null;
      await tx.updateTable('disks').set({ image_id }).where('id', '=', to).execute();
    },
  };
}

const swapDisk = step<Input, { actualSize: number; installPath: string }>('swapDisk', {
  retry: { attempts: 3, backoffMs: 500 },
  async do(context) {
    const { swapped, commit } = await swap(context, context.input.oldDiskId, context.input.diskId);
    const { actualSize, installPath } = swapped;
    return { state: { actualSize, installPath }, commit };
  },
  // Also of a server that is being deleted: the volume may outlive it, with all that was written to the copy.
  async undo(context) {
    const { diskId, oldDiskId, hostId } = context.input;
    const { commit } = await swap(context, diskId, oldDiskId);
    const { services } = context;
    try {
      await services.hosts.agent(hostId).removeDisk(diskId);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      return {
        async commit(tx: Tx) {
          await commit(tx);
          await services.volumes.releaseDisk(tx, diskId);
        },
      };
    }
    return {
      async commit(tx: Tx) {
        await commit(tx);
        await services.volumes.forgetDisk(tx, diskId);
      },
    };
  },
});

/**
 * Moves a volume that a server has to another storage of its host, while the server goes on: Cinder's migration of a volume
 * that is in use, for which it has Nova swap the volume.
 */
export const swapVolume = action(
  'server.swap-volume',
  Type.Object({
    serverId: Type.String(),
    hostId: Type.String(),
    volumeId: Type.String(),
    diskId: Type.String(),
    oldDiskId: Type.String(),
    flat: Type.Optional(Type.Boolean()),
  }),
  [span('compute_swap_volume', [swapDisk])],
  {
    async succeeded(tx, { services, input, state }) {
      const { volumeId, diskId, oldDiskId, hostId } = input;
      // The guest has it, whatever was said of the volume meanwhile.
      const columns = { actual_size: state.actualSize, install_path: state.installPath };
      await services.volumes.setPlace(tx, volumeId, { diskId, hostId }, columns);
      await services.volumes.releaseDisk(tx, oldDiskId);
      await settle(services, tx, input, { migration_status: 'success', last_error: null });
    },
    async failed(tx, { services, input }, failure) {
      await settle(services, tx, input, { migration_status: 'error', last_error: failure.message });
    },
  },
);

async function settle(
  services: Cloud,
  tx: Tx,
  { volumeId, serverId, flat }: Readonly<Input>,
  { migration_status, ...changes }: { migration_status: 'success' | 'error'; last_error: string | null },
): Promise<void> {
  const status = await steadyStatus(tx, volumeId);
  await settleVolume(services, tx, volumeId, 'maintenance', { status });
  await services.volumes.update(tx, volumeId, flat ? changes : { ...changes, migration_status });
  await settleServer(services, tx, serverId, { task_state: null });
}

const swapTransition = {
  name: 'swap_volume',
  from: ['active', 'paused', 'stopped'],
  task: 'swapping_volume',
} as const;

const flattenTransition = { ...swapTransition, name: 'flatten_volume', task: 'flattening_volume' } as const;

/**
 * Gives a volume that a server has a disk of its own, which is a layer over nothing, while the server goes on: also the
 * disk that it boots from. The image that it was made of is not needed for it any more.
 */
export async function requestFlattenAttached(
  cloud: Cloud,
  subject: Subject,
  { volumeId, serverId }: { volumeId: string; serverId: string },
): Promise<{ actionId: string }> {
  return await beginTransition(cloud, subject, serverId, flattenTransition, async (tx, server) => {
    const row = await lockVolume(tx, subject, volumeId, { rootDisks: true });
    requireStatus(row, ['in-use'], 'flatten it');
    if (row.server_id !== serverId || row.multiattach === 1 || row.host_id !== server.hostId) {
      throw invalidVolume(
        `Volume ${withDashes(volumeId)} can't be flattened: it is not the server's alone, on its host.`,
      );
    }
    if (row.metadata.includes('"readonly":"True"')) {
      throw invalidVolume(`Volume ${withDashes(volumeId)} can't be flattened while a server has it for reading only.`);
    }
    await refuseCopied(tx, row.id, 'it stays as it is meanwhile');
    const [hostId, storageId] = [server.hostId!, row.storage_id];
    const input: Input = { serverId, hostId, volumeId, diskId: newId(cloud.env), oldDiskId: row.disk_id!, flat: true };
    await takeRoom(cloud, tx, row, { diskId: input.diskId, hostId, storageId });
    await cloud.volumes.update(tx, volumeId, { status: 'maintenance' });
    return { action: swapVolume, input };
  });
}

/** Begins it. Throws `invalid` for a volume that has to stay where it is, `conflict` for a server that is busy. */
export async function requestSwapVolume(
  cloud: Cloud,
  subject: Subject,
  { volumeId, serverId }: { volumeId: string; serverId: string },
  { hostId, storageId }: MigrationTarget,
): Promise<{ actionId: string }> {
  return await beginTransition(cloud, subject, serverId, swapTransition, async (tx, server) => {
    const row = await lockVolume(tx, subject, volumeId);
    requireStatus(row, ['in-use'], 'migrate it');
    const stays = (why: string) => invalidVolume(`Volume ${withDashes(volumeId)} can't be migrated while ${why}.`);
    if (row.server_id !== serverId || row.multiattach === 1) throw stays('several servers may have it');
    if (row.host_id !== server.hostId || hostId !== server.hostId) {
      throw stays('a server on another host has it: to other hosts it moves with its server');
    }
    if (row.metadata.includes('"readonly":"True"')) throw stays('a server has it for reading only');
    await refuseBound(tx, row, { hostId, storageId });
    const input: Input = { serverId, hostId, volumeId, diskId: newId(cloud.env), oldDiskId: row.disk_id! };
    await takeRoom(cloud, tx, row, { diskId: input.diskId, hostId, storageId });
    await cloud.volumes.update(tx, volumeId, { status: 'maintenance', migration_status: 'migrating' });
    return { action: swapVolume, input };
  });
}
