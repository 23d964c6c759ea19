/** The bytes of an image at some other place. */
export interface ImageSource {
  stream: AsyncIterable<Buffer>;
  /** Bytes, where the place tells. */
  size?: number;
  /** Lets go of the place, for those who do not read the stream to its end. */
  close(): void;
}

export interface SourceOptions {
  /**
   * Whether addresses of this host and of inner networks, ports other than 80 and 443, and files of this host may be
   * read: for administrators. Users must not reach with the cloud's hands what they can't reach with their own.
   */
  allowInternal: boolean;
  signal?: AbortSignal;
  /** Sent along, and to nobody else: redirects are refused where there are any. */
  headers?: Record<string, string>;
}

/** The image can't be fetched. Messages are for the image's owner: they tell nothing of inner networks. */
export class SourceError extends Error {
  readonly code: 'refused' | 'unreachable';
  /** Whether the same fetch may succeed in a moment. */
  readonly retryable: boolean;
  constructor(code: 'refused' | 'unreachable', message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SourceError';
    this.code = code;
    this.retryable = code === 'unreachable';
  }
}
