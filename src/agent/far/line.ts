import type { Duplex } from 'node:stream';

/** A way to the agent of a far host, which answers. It ends as a whole. */
export interface Line {
  /** A new connection to the agent. */
  open(): Promise<Duplex>;
  close(): void;
}
