import type { Duplex, Readable } from 'node:stream';

/** A folder of a machine, as long as it is needed: it goes when it is disposed of, or whoever has it dies. */
export interface BorrowedFolder extends AsyncDisposable {
  /** Absolute; short enough for sockets in it. */
  readonly path: string;
}

/**
 * A machine, as far as files and sockets of it are needed on another one: paths that hosts tell are paths of their
 * machine. Failures are `AgentError`, `unreachable` where the machine does not answer.
 */
export interface Machine {
  /** What it is told apart by in journals; undefined for the one that the control plane runs on. */
  readonly name: string | undefined;
  borrowFolder(): Promise<BorrowedFolder>;
  /** The names of files in a folder, and their sizes; sockets and folders are left out. */
  files(folder: string): Promise<Array<{ name: string; size: number }>>;
  /**
   * A file of it, as `sendFile` sends it.
   * @param flat a disk that is a layer over an image comes as one without
   */
  read(path: string, options: { flat: boolean }): Promise<Readable>;
  /**
   * Makes a file of what `sendFile` sends. Throws `bad_image` for a disk that refers to other files.
   * @param options.isLayer whether it may say what it is a layer over
   */
  write(path: string, bytes: Readable, options?: { isLayer: boolean }): Promise<void>;
  /** Connects to a unix socket of it. */
  dial(path: string): Promise<Duplex>;
  /** Listens on a unix socket of it, until that is disposed of. */
  listen(path: string, onConnection: (stream: Duplex) => void): Promise<AsyncDisposable>;
}
