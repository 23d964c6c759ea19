import { type Static, Type } from 'typebox';
import { action, span, step } from '../../actions.ts';

const AssembleInput = Type.Object({
  imageId: Type.String(),
  storeId: Type.String(),
  size: Type.Integer(),
  /** Whether the image was made for this upload, and goes when it fails. */
  removeOnFailure: Type.Boolean(),
});

export type AssembleInput = Static<typeof AssembleInput>;

const takeIn = step<AssembleInput>('takeIn', {
  retry: { attempts: 3, backoffMs: 2000 },
  async do({ input, services, signal, requestId }) {
    const received = await services.images.partUploads.takeIn(input, signal);
    return { commit: (tx) => services.images.partUploads.finish(tx, input, { requestId }, received) };
  },
  async undo({ input, services, isLate }) {
    await services.images.partUploads.discard(input, { isLate });
  },
});

/** Makes an image of what has come in parts: it is inspected, hashed and put into its store. */
export const assembleImage = action('image.assemble', AssembleInput, [span('image_assemble', [takeIn])], {
  async succeeded() {},
  async failed(tx, { input, services }, failure) {
    await services.images.partUploads.fail(tx, input, failure.message);
  },
});
