import { Type } from 'typebox';
import { action, span, step } from '../actions.ts';

interface Input {
  imageId: string;
  storeId: string;
}

interface State {
  size: number;
  installPath: string;
}

const copyBytes = step<Input, State>('copyBytes', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ input, services, signal, progress }) {
    const { size, installPath } = await services.images.copies.copy(input.imageId, input.storeId, { signal, progress });
    return {
      state: { size, installPath },
      commit: (tx) => services.images.copies.finish(tx, input, { size, installPath }),
    };
  },
  async undo({ input, services, isLate }) {
    await services.images.copies.discard(input, { isLate });
  },
});

/**
 * Copies an image into another store. Its failure leaves the image usable, and is told as `sync_status_reason`; once it was
 * cancelled there is no copy until somebody asks for one again.
 */
export const copyImage = action(
  'image.copy',
  Type.Object({ imageId: Type.String(), storeId: Type.String() }),
  [span('image_copy', [copyBytes])],
  {
    async succeeded() {},
    async failed(tx, { input, services }, failure) {
      if (failure.code === 'cancelled') await services.images.copies.giveUp(tx, input);
      else await services.images.copies.fail(tx, input, failure.message);
    },
  },
);
