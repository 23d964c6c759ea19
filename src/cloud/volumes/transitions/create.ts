import { Type } from 'typebox';
import { action, span, step, when } from '../../actions.ts';
import { requireBackend } from '../backend.ts';
import { updateBackup } from '../backup-rows.ts';
import { noteFailure } from '../messages.ts';
import { settleVolume } from '../rules.ts';
import { cacheBackup, cacheImage, makeDisk, type NewDiskInput, type NewDiskState, placeDisk } from '../steps/disk.ts';
import { volumeTypeFromRow } from '../type-model.ts';

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

const fetchBackup = when(
  ({ input }: { input: { backupDataId?: string }; state: Partial<NewDiskState> }) => input.backupDataId !== undefined,
  [cacheBackup],
);

/** Looks for storage that is as the volume's type says. */
const chooseBackend = step<{ typeId?: string }>('chooseBackend', {
  async do({ services, input }) {
    if (input.typeId === undefined) return;
    const { read } = services.db;
    const row = await read.selectFrom('volume_types').selectAll().where('id', '=', input.typeId).executeTakeFirst();
    if (row) requireBackend(volumeTypeFromRow(row));
  },
  // Nothing to undo: nothing is taken.
});

export const createVolume = action(
  'volume.create',
  Type.Object({
    ownerId: Type.String(),
    newDiskId: Type.String(),
    size: Type.Number(),
    zoneId: Type.String(),
    typeId: Type.Optional(Type.String()),
    imageId: Type.Optional(Type.String()),
    backupId: Type.Optional(Type.String()),
    backupDataId: Type.Optional(Type.String()),
    sourceDiskId: Type.Optional(Type.String()),
    onlyHostId: Type.Optional(Type.String()),
    storageId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  }),
  [span('create_volume', [chooseBackend, placeDisk, fetchImage, fetchBackup, makeDisk])],
  {
    async succeeded(tx, { services, input, state }) {
      await settleVolume(services, tx, input.ownerId, ['creating', 'downloading'], {
        status: 'available',
        disk_id: input.newDiskId,
        actual_size: state.actualSize,
        install_path: state.installPath,
      });
      if (input.backupId) await updateBackup(services, tx, input.backupId, { status: 'available' }, ['restoring']);
    },
    async failed(tx, { services, input, actionId }, failure) {
      const columns = { status: 'error', last_error: failure.message };
      await settleVolume(services, tx, input.ownerId, ['creating', 'downloading'], columns);
      if (input.backupId) await updateBackup(services, tx, input.backupId, { status: 'available' }, ['restoring']);
      const doing = failure.code === 'no_valid_host' ? 'schedule' : input.backupId ? 'restoreBackup' : 'create';
      await noteFailure(services, tx, { doing, actionId, kind: 'VOLUME', id: input.ownerId }, failure);
    },
  },
);
