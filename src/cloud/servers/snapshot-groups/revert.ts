import { Type } from 'typebox';
import { action, span, step } from '../../actions.ts';
import { settleVolume, updateSnapshot } from '../../volumes/rules.ts';
import { discardDisks } from '../steps/old-disk.ts';

interface Input {
  serverId: string;
  hostId: string;
  disks: Array<{
    volumeId: string;
    snapshotId: string;
    snapshotDiskId: string;
    oldDiskId: string;
    newDiskId: string;
    size: number;
  }>;
}

interface State {
  made: Array<{ actualSize: number; installPath: string }>;
}

const copySnapshots = step<Input, State>('copySnapshots', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ services, input }) {
    const made: State['made'] = [];
    for (const { newDiskId: diskId, size, snapshotDiskId } of input.disks) {
      const disk = { diskId, size, base: { kind: 'copy', diskId: snapshotDiskId } } as const;
      const { actualSize, installPath } = await services.hosts.ensureDisk(input.hostId, disk);
      made.push({ actualSize, installPath });
    }
    return { state: { made } };
  },
  async undo({ services, input }) {
    for (const { newDiskId } of input.disks) await services.hosts.agent(input.hostId).removeDisk(newDiskId);
    return {
      commit: async (tx) => {
        for (const { newDiskId } of input.disks) await services.volumes.forgetDisk(tx, newDiskId);
      },
    };
  },
});

/** All of them, or none: a server never starts on disks of two moments. */
const swapDisks = step<Input, State>('swapDisks', {
  async do({ services, input, state }) {
    return {
      commit: async (tx) => {
        for (const [index, { volumeId, newDiskId }] of input.disks.entries()) {
          const { actualSize, installPath } = state.made![index]!;
          const columns = { disk_id: newDiskId, actual_size: actualSize, install_path: installPath };
          await services.volumes.update(tx, volumeId, columns);
        }
      },
    };
  },
  async undo({ services, input, isSuperseded }) {
    if (isSuperseded) return undefined;
    return {
      commit: async (tx) => {
        for (const { volumeId, oldDiskId } of input.disks) await services.volumes.setDisk(tx, volumeId, oldDiskId);
      },
    };
  },
});

const discardOldDisk = step<Input>('discardOldDisk', {
  do: ({ services, input }) =>
    discardDisks(
      services,
      input.hostId,
      input.disks.map(({ oldDiskId }) => oldDiskId),
    ),
  // Nothing to undo: it is the last step, and does not fail.
});

/** Gives the disks of a server that is off what they held when a group of snapshots was made. */
export const revertDisks = action(
  'server.revert-disks',
  Type.Object({
    serverId: Type.String(),
    hostId: Type.String(),
    disks: Type.Array(
      Type.Object({
        volumeId: Type.String(),
        snapshotId: Type.String(),
        snapshotDiskId: Type.String(),
        oldDiskId: Type.String(),
        newDiskId: Type.String(),
        size: Type.Number(),
      }),
    ),
  }),
  [span('compute_revert_disks', [copySnapshots, swapDisks, discardOldDisk])],
  {
    async succeeded(tx, { services, input }) {
      for (const { volumeId, snapshotId } of input.disks) {
        await settleVolume(services, tx, volumeId, 'reverting', { status: 'in-use', last_error: null });
        await updateSnapshot(services, tx, snapshotId, { status: 'available' });
      }
    },
    async failed(tx, { services, input }, failure) {
      for (const { volumeId, snapshotId } of input.disks) {
        const columns = { status: 'in-use', last_error: failure.message };
        await settleVolume(services, tx, volumeId, 'reverting', columns);
        await updateSnapshot(services, tx, snapshotId, { status: 'available' });
      }
    },
  },
);
