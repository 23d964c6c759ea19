import { Type } from 'typebox';
import { action, span, step } from '../actions.ts';

interface Input {
  imageId: string;
  storeIds: string[];
}

// No undo: the rows that said where the bytes are went when this was asked for.
const removeBytes = step<Input>('removeBytes', {
  retry: { attempts: 3, backoffMs: 1000 },
  async do({ input, services }) {
    for (const storeId of input.storeIds) await services.images.removeBytes(input.imageId, storeId);
  },
});

/** Removes an image's bytes. It only goes forward: what a store refuses now is tried again until it is done. */
export const expungeImage = action(
  'image.expunge',
  Type.Object({ imageId: Type.String(), storeIds: Type.Array(Type.String()) }),
  [span('image_expunge', [removeBytes])],
  { onFailure: 'park', async succeeded() {}, async failed() {} },
);
