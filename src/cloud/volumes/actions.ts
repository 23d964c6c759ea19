import { type AnyAction, anyAction } from '../../actions/definition.ts';
import { attachVolume } from './transitions/attach.ts';
import { createBackup, deleteBackup } from './transitions/backup.ts';
import { convertVolume } from './transitions/convert.ts';
import { createVolume } from './transitions/create.ts';
import { deleteVolume } from './transitions/delete.ts';
import { detachVolume } from './transitions/detach.ts';
import { extendVolume } from './transitions/extend.ts';
import { limitVolume } from './transitions/limit.ts';
import { migrateVolume } from './transitions/migrate.ts';
import { reimageVolume } from './transitions/reimage.ts';
import { restoreBackup } from './transitions/restore.ts';
import { retypeVolume } from './transitions/retype.ts';
import { revertVolume } from './transitions/revert.ts';
import { createSnapshot, deleteSnapshot } from './transitions/snapshot.ts';
import { swapVolume } from './transitions/swap.ts';
import { uploadImage, uploadSnapshot } from './transitions/upload-image.ts';

/** Every action on volumes and snapshots, and those on servers that are about their volumes. */
export const volumeActions: AnyAction[] = [
  anyAction(createVolume),
  anyAction(deleteVolume),
  anyAction(extendVolume),
  anyAction(uploadImage),
  anyAction(revertVolume),
  anyAction(uploadSnapshot),
  anyAction(createSnapshot),
  anyAction(deleteSnapshot),
  anyAction(createBackup),
  anyAction(deleteBackup),
  anyAction(restoreBackup),
  anyAction(reimageVolume),
  anyAction(retypeVolume),
  anyAction(limitVolume),
  anyAction(convertVolume),
  anyAction(migrateVolume),
  anyAction(swapVolume),
  anyAction(attachVolume),
  anyAction(detachVolume),
];
