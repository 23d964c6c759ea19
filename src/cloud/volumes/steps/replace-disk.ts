import { step } from '../../actions.ts';
import { discard } from '../../servers/steps/old-disk.ts';
import type { NewDiskInput, NewDiskState } from './disk.ts';

/** A volume gets another disk, beside the one that it has: that goes only when nothing can fail any more. */
export interface ReplacedDiskInput extends NewDiskInput {
  hostId: string;
  oldDiskId: string;
}
type State = NewDiskState & { actualSize: number; installPath: string };

/** The disk is made where the one is that it stands in for; its row exists already. */
export const useHost = step<ReplacedDiskInput, State>('useHost', {
  async do({ input }) {
    return { state: { hostId: input.hostId } };
  },
  async undo({ services, input }) {
    return { commit: (tx) => services.volumes.forgetDisk(tx, input.newDiskId) };
  },
});

export const swapDisk = step<ReplacedDiskInput, State>('swapDisk', {
  async do({ services, input, state }) {
    const columns = { disk_id: input.newDiskId, actual_size: state.actualSize, install_path: state.installPath };
    return { commit: (tx) => services.volumes.update(tx, input.ownerId, columns) };
  },
  async undo({ services, input }) {
    return { commit: (tx) => services.volumes.setDisk(tx, input.ownerId, input.oldDiskId) };
  },
});

export const discardOldDisk = step<ReplacedDiskInput>('discardOldDisk', {
  do: ({ services, input }) => discard(services, input.hostId, input.oldDiskId),
  // Nothing to undo: it is the last step, and does not fail.
});
