import type { Duplex } from 'node:stream';
import type { HostIdentity } from './identity.ts';

/** A way to the agent of a far host, which answers. It ends as a whole. */
export interface Line {
  /** Of the host that is at its end: said with whatever is opened. */
  readonly identity: HostIdentity;
  /** A new connection to the agent. */
  open(): Promise<Duplex>;
  close(): void;
}
