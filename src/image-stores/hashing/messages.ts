export type HashAlgorithm = 'md5' | 'sha256' | 'sha512';

export type ToWorker =
  | { type: 'open'; id: number; algorithm: HashAlgorithm; memory: SharedArrayBuffer }
  /** The stream's next bytes stand at this place of its memory. */
  | { type: 'update'; id: number; offset: number; length: number }
  | { type: 'digest'; id: number }
  | { type: 'close'; id: number };

export type FromWorker =
  /** The bytes at this offset have been hashed; their place is free. */
  { id: number; taken: number } | { id: number; digest: string };
