import { Type } from 'typebox';
import { action, span, step } from '../actions.ts';

interface Input {
  imageId: string;
  storeId: string;
  fromStoreId: string;
}

/**
 * Brings the bytes into the store. The moment at which its copy counts is the one at which that in the first store is one
 * that was deleted: it can be recovered, and goes when its time is over.
 */
const moveBytes = step<Input>('moveBytes', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ input, services, signal, progress }) {
    const { images } = services;
    const { size, installPath } = await images.copies.copy(input.imageId, input.storeId, { signal, progress });
    return {
      async commit(tx) {
        await images.copies.finish(tx, input, { size, installPath });
        await images.leaveStore(tx, input.imageId, input.fromStoreId);
      },
    };
  },
  async undo({ input, services, isLate }) {
    await services.images.copies.discard(input, { isLate });
  },
});

/** Moves an image from one store to another. Where that fails, it is where it was, and nowhere else. */
export const moveImage = action(
  'image.move',
  Type.Object({ imageId: Type.String(), storeId: Type.String(), fromStoreId: Type.String() }),
  [span('image_move', [moveBytes])],
  {
    async succeeded() {},
    async failed(tx, { input, services }) {
      await services.images.copies.giveUp(tx, input);
    },
  },
);
