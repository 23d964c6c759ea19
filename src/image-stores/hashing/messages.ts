export type HashAlgorithm = 'md5' | 'sha256' | 'sha512';

export type ToWorker =
  | { type: 'open'; id: number; algorithm: HashAlgorithm }
  /** The stream's next bytes, in shared memory. */
  | { type: 'update'; id: number; piece: number; bytes: Uint8Array }
  | { type: 'digest'; id: number }
  | { type: 'close'; id: number };

export type FromWorker =
  /** The piece of this number has been hashed; its place is free. */
  { id: number; taken: number } | { id: number; digest: string };
