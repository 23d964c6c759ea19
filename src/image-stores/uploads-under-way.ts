import { StoreError } from './store.ts';

/** What a store is being given right now: one upload of an image at a time, which ends with its image or its store. */
export class UploadsUnderWay {
  readonly #uploads = new Map<string, { abort: AbortController; ended: Promise<unknown> }>();

  has(imageId: string): boolean {
    return this.#uploads.has(imageId);
  }

  /** Does the work of one upload; its signal is given when the outer one is, or when it is ended. Throws `busy`. */
  async alone<T>(
    imageId: string,
    outer: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.has(imageId)) throw new StoreError('busy', `Image ${imageId} is being uploaded already.`);
    const abort = new AbortController();
    const upload = work(outer ? AbortSignal.any([outer, abort.signal]) : abort.signal);
    this.#uploads.set(imageId, { abort, ended: upload.catch(() => {}) });
    try {
      return await upload;
    } finally {
      this.#uploads.delete(imageId);
    }
  }

  /** Ends the upload of a deleted image, and waits for that. */
  async end(imageId: string): Promise<void> {
    const upload = this.#uploads.get(imageId);
    upload?.abort.abort(new Error('The image was deleted.'));
    await upload?.ended;
  }

  async endAll(): Promise<void> {
    const uploads = [...this.#uploads.values()];
    for (const { abort } of uploads) abort.abort(new Error('The image store was closed.'));
    await Promise.all(uploads.map(({ ended }) => ended));
  }
}
