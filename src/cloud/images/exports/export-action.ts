import { type Static, Type } from 'typebox';
import { action, span, step } from '../../actions.ts';

const ExportInput = Type.Object({ exportId: Type.String(), imageId: Type.String(), storeId: Type.String() });

export type ExportInput = Static<typeof ExportInput>;

/** The exported file, once there is one. */
export interface ExportedFile {
  size: number;
  md5: string;
  sha512: string;
}

const makeFile = step<ExportInput, ExportedFile>('makeFile', {
  retry: { attempts: 3, backoffMs: 1000 },
  async do({ input, services, signal }) {
    return { state: await services.images.exports.makeFile(input, signal) };
  },
  async undo({ input, services }) {
    await services.images.exports.discard(input);
  },
});

/** Writes the file where it was to go. Nothing to undo: an object is there whole, when this is done, or not at all. */
const deliver = step<ExportInput>('deliver', {
  retry: { attempts: 3, backoffMs: 1000 },
  async do({ input, services, signal, progress }) {
    await services.images.exports.deliver(input, { signal, progress });
  },
});

/** Makes an image fetchable by a signed link, or writes it into a container; in another format where one was asked for. */
export const exportImage = action('image.export', ExportInput, [span('image_export', [makeFile, deliver])], {
  async succeeded(tx, { input, services, state }) {
    await services.images.exports.finish(tx, input, state as ExportedFile);
  },
  async failed(tx, { input, services }, failure) {
    await services.images.exports.fail(tx, input, failure.message);
  },
});
