import { Type } from 'typebox';
import type { Tx } from '../../../database/database.ts';
import { action, span, step } from '../../actions.ts';
import { imageBelow } from '../../volumes/base-image.ts';
import { updateSnapshot } from '../../volumes/rules.ts';

interface Input {
  serverId: string;
  groupId: string;
  hostId: string;
  disks: Array<{ snapshotId: string; sourceDiskId: string; newDiskId: string; size: number }>;
}

/** Takes the room for all copies: they are registered before they exist. */
const placeCopies = step<Input>('placeCopies', {
  async do({ services, input: { hostId: onlyHostId, disks } }) {
    await services.db.write(async (tx) => {
      for (const { snapshotId, sourceDiskId, newDiskId, size } of disks) {
        const known = await tx.selectFrom('disks').select('id').where('id', '=', newDiskId).executeTakeFirst();
        if (known) continue;
        const place = await services.hosts.placeDisk(tx, { size, onlyHostId, nearDiskId: sourceDiskId });
        const imageId = await imageBelow(tx, { volumeId: snapshotId, sourceDiskId });
        const disk = { id: newDiskId, volumeId: snapshotId, imageId, size, storageId: place.storageId };
        await services.volumes.registerDisk(tx, place.host.id, disk);
      }
    });
  },
  async undo({ services, input }) {
    return {
      commit: async (tx) => {
        for (const { newDiskId } of input.disks) await services.volumes.forgetDisk(tx, newDiskId);
      },
    };
  },
});

/** Copies all disks as they are at one moment; the guest goes on. */
const copyDisks = step<Input, { actualSizes: number[] }>('copyDisks', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ services, input }) {
    const copies = input.disks.map(({ sourceDiskId, newDiskId, size }) => ({
      ...{ diskId: newDiskId, size },
      base: { kind: 'copy' as const, diskId: sourceDiskId },
    }));
    const made = await services.hosts.ensureDisks(input.hostId, copies);
    return { state: { actualSizes: made.map(({ actualSize }) => actualSize) } };
  },
  async undo({ services, input }) {
    for (const { newDiskId } of input.disks) await services.hosts.agent(input.hostId).removeDisk(newDiskId);
  },
});

/** Snapshots of all disks of a server, of one moment: all of them, or none. */
export const snapshotDisks = action(
  'server.snapshot-disks',
  Type.Object({
    serverId: Type.String(),
    groupId: Type.String(),
    hostId: Type.String(),
    disks: Type.Array(
      Type.Object({
        snapshotId: Type.String(),
        sourceDiskId: Type.String(),
        newDiskId: Type.String(),
        size: Type.Number(),
      }),
    ),
  }),
  [span('compute_snapshot_disks', [placeCopies, copyDisks])],
  {
    async succeeded(tx, { services, input, state }) {
      for (const [index, { snapshotId, newDiskId }] of input.disks.entries()) {
        const actual_size = state.actualSizes![index]!;
        const made = { status: 'available', disk_id: newDiskId, host_id: input.hostId, actual_size } as const;
        await updateSnapshot(services, tx, snapshotId, made);
      }
    },
    async failed(tx, { services, input, now }) {
      const gone = { status: 'deleted', deleted_at: now, disk_id: null } as const;
      for (const { snapshotId } of input.disks) await updateSnapshot(services, tx, snapshotId, gone);
      await forgetSnapshotGroup(tx, input.groupId);
    },
  },
);

/** Of a server that goes: there is nothing any more that could be reverted to them. */
export async function forgetSnapshotGroupsOf(tx: Tx, serverId: string): Promise<void> {
  const groups = tx.selectFrom('snapshot_groups').select('id').where('server_id', '=', serverId);
  for (const { id } of await groups.execute()) await forgetSnapshotGroup(tx, id);
}

/** What made the group one; its snapshots stay what they are. */
export async function forgetSnapshotGroup(tx: Tx, groupId: string): Promise<void> {
  await tx.deleteFrom('snapshot_group_members').where('group_id', '=', groupId).execute();
  await tx.deleteFrom('snapshot_groups').where('id', '=', groupId).execute();
}
