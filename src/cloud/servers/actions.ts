import { type AnyAction, anyAction } from '../../actions/definition.ts';
import { snapshotDisks } from './snapshot-groups/make.ts';
import { revertDisks } from './snapshot-groups/revert.ts';
import { changeInterfaceNetwork } from './transitions/change-interface-network.ts';
import { changeMedium } from './transitions/change-medium.ts';
import { changePassword } from './transitions/change-password.ts';
import { clone } from './transitions/clone.ts';
import { confirmResize } from './transitions/confirm-resize.ts';
import { crashDump } from './transitions/crash-dump.ts';
import { create } from './transitions/create.ts';
import { createBackup } from './transitions/create-backup.ts';
import { createImage } from './transitions/create-image.ts';
import { deleteServer } from './transitions/delete.ts';
import { evacuate } from './transitions/evacuate.ts';
import { extendRoot } from './transitions/extend-root.ts';
import { attachInterface, detachInterface } from './transitions/interfaces.ts';
import { liveMigrate } from './transitions/live-migrate.ts';
import { pause, unpause } from './transitions/pause.ts';
import { reboot } from './transitions/reboot.ts';
import { rebuild } from './transitions/rebuild.ts';
import { rescue, unrescue } from './transitions/rescue.ts';
import { migrate, resize } from './transitions/resize.ts';
import { restore } from './transitions/restore.ts';
import { revertResize } from './transitions/revert-resize.ts';
import { shelve } from './transitions/shelve.ts';
import { softDelete } from './transitions/soft-delete.ts';
import { start } from './transitions/start.ts';
import { stop } from './transitions/stop.ts';
import { resumeServer, suspendServer } from './transitions/suspend.ts';
import { unshelve } from './transitions/unshelve.ts';

/** Every action on servers. */
export const serverActions: AnyAction[] = [
  anyAction(create),
  anyAction(deleteServer),
  anyAction(softDelete),
  anyAction(restore),
  anyAction(changeMedium),
  anyAction(changePassword),
  anyAction(start),
  anyAction(stop),
  anyAction(reboot),
  anyAction(pause),
  anyAction(unpause),
  anyAction(suspendServer),
  anyAction(resumeServer),
  anyAction(attachInterface),
  anyAction(detachInterface),
  anyAction(changeInterfaceNetwork),
  anyAction(crashDump),
  anyAction(rescue),
  anyAction(unrescue),
  anyAction(rebuild),
  anyAction(resize),
  anyAction(extendRoot),
  anyAction(migrate),
  anyAction(liveMigrate),
  anyAction(evacuate),
  anyAction(confirmResize),
  anyAction(revertResize),
  anyAction(createImage),
  anyAction(createBackup),
  anyAction(clone),
  anyAction(shelve),
  anyAction(unshelve),
  anyAction(snapshotDisks),
  anyAction(revertDisks),
];
