import { type AnyAction, anyAction } from '../../actions/definition.ts';
import { copyImage } from './copy-action.ts';
import { emptyImage } from './empty-action.ts';
import { exportImage } from './exports/export-action.ts';
import { expungeImage } from './expunge-action.ts';
import { importImage } from './import-action.ts';
import { moveImage } from './move-action.ts';
import { assembleImage } from './part-uploads/upload-action.ts';

/** Every action on images. */
export const imageActions: readonly AnyAction[] = [
  anyAction(importImage),
  anyAction(copyImage),
  anyAction(moveImage),
  anyAction(expungeImage),
  anyAction(exportImage),
  anyAction(assembleImage),
  anyAction(emptyImage),
];
