import { type Static, Type } from 'typebox';
import { action, span, step } from '../actions.ts';

const EmptyInput = Type.Object({ imageId: Type.String(), storeId: Type.String() });

export type EmptyInput = Static<typeof EmptyInput>;

const storeNothing = step<EmptyInput>('storeNothing', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ input, services, signal, requestId }) {
    const { templates } = services.images;
    const received = await templates.storeNothing(input, signal);
    const adopted = { ...received, storeId: input.storeId };
    return { commit: (tx) => templates.complete(tx, input.imageId, adopted, { requestId }) };
  },
  async undo({ input, services }) {
    await services.images.templates.discard(input.imageId, input);
  },
});

/** Makes an image of no bytes active, whose properties say all that there is to it. */
export const emptyImage = action('image.empty', EmptyInput, [span('image_empty', [storeNothing])], {
  async succeeded() {},
  async failed(tx, { input, services }, failure) {
    await services.images.templates.fail(tx, input.imageId, failure.message);
  },
});
