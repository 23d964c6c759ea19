import { type Static, Type } from 'typebox';
import { action, span, step } from '../actions.ts';
import { RegionImage } from './region-images.ts';

const ImportInput = Type.Object({
  imageId: Type.String(),
  storeId: Type.String(),
  /** Empty where the bytes are staged. */
  url: Type.String(),
  /** The store in which the bytes lie that are to be judged. */
  stagedIn: Type.Optional(Type.String()),
  /** What the fetched bytes have to hash to, lower-case hex. */
  sha1: Type.Optional(Type.String()),
  /** Whose image it is, where another region has it; `url` is where its bytes are. */
  region: Type.Optional(RegionImage),
  /** For whom another region is asked. */
  userId: Type.Optional(Type.String()),
  /** Whether whoever asked may have inner networks read. */
  allowInternal: Type.Boolean(),
  /** Whether the image was made for this import, and goes when it fails. */
  removeOnFailure: Type.Boolean(),
});

export type ImportInput = Static<typeof ImportInput>;

const download = step<ImportInput>('download', {
  retry: { attempts: 3, backoffMs: 2000 },
  async do({ input, services, signal, progress, requestId }) {
    const received = await services.images.imports.fetch(input, { signal, progress });
    return { commit: (tx) => services.images.imports.finish(tx, input, { requestId }, received) };
  },
  async undo({ input, services, isLate }) {
    await services.images.imports.discard(input, { isLate });
  },
});

/** Brings an image's bytes from a URL, or from where they were staged. */
export const importImage = action('image.import', ImportInput, [span('image_import', [download])], {
  async succeeded() {},
  async failed(tx, { input, services }, failure) {
    await services.images.imports.fail(tx, input, failure.message);
  },
});
