import { type AnyAction, anyAction } from '../../actions/definition.ts';
import { attachVolume } from './transitions/attach.ts';
import { createVolume } from './transitions/create.ts';
import { deleteVolume } from './transitions/delete.ts';
import { detachVolume } from './transitions/detach.ts';
import { extendVolume } from './transitions/extend.ts';
import { revertVolume } from './transitions/revert.ts';
import { createSnapshot, deleteSnapshot } from './transitions/snapshot.ts';
import { uploadImage } from './transitions/upload-image.ts';

/** Every action on volumes and snapshots, and those on servers that are about their volumes. */
export const volumeActions: AnyAction[] = [
  anyAction(createVolume),
  anyAction(deleteVolume),
  anyAction(extendVolume),
  anyAction(uploadImage),
  anyAction(revertVolume),
  anyAction(createSnapshot),
  anyAction(deleteSnapshot),
  anyAction(attachVolume),
  anyAction(detachVolume),
];
