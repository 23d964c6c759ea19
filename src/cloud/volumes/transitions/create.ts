import { Type } from 'typebox';
import { action, span, step, when } from '../../actions.ts';
import { settleVolume } from '../rules.ts';
import { cacheImage, makeDisk, type NewDiskInput, type NewDiskState, placeDisk } from '../steps/disk.ts';

/** Tells readers that the image is being fetched, as Cinder does. */
const noteDownload = step<NewDiskInput>('noteDownload', {
  async do({ services, input }) {
    return { commit: (tx) => settleVolume(services, tx, input.ownerId, 'creating', { status: 'downloading' }) };
  },
  // Nothing to undo: the action's end sets the status.
});

const fetchImage = when(
  ({ input }: { input: { imageId?: string }; state: Partial<NewDiskState> }) => input.imageId !== undefined,
  [noteDownload, cacheImage],
);

export const createVolume = action(
  'volume.create',
  Type.Object({
    ownerId: Type.String(),
    newDiskId: Type.String(),
    size: Type.Number(),
    zoneId: Type.String(),
    imageId: Type.Optional(Type.String()),
    sourceDiskId: Type.Optional(Type.String()),
    onlyHostId: Type.Optional(Type.String()),
  }),
  [span('create_volume', [placeDisk, fetchImage, makeDisk])],
  {
    async succeeded(tx, { services, input, state }) {
      await settleVolume(services, tx, input.ownerId, ['creating', 'downloading'], {
        status: 'available',
        disk_id: input.newDiskId,
        actual_size: state.actualSize,
        install_path: state.installPath,
      });
    },
    async failed(tx, { services, input }, failure) {
      const columns = { status: 'error', last_error: failure.message };
      await settleVolume(services, tx, input.ownerId, ['creating', 'downloading'], columns);
    },
  },
);
