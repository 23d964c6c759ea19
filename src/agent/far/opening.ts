import type { ConsoleKind, HostDescription } from '../contract.ts';
import type { HostIdentity } from './identity.ts';

/** What a connection to the agent is for: its first line. It is answered by a line, `{}` or `{ error }` or what was asked for. */
export type Opening =
  | { open: 'talk' }
  | { open: 'console'; serverId: string; kind: ConsoleKind }
  /** Sends a file, and ends. */
  | { open: 'read'; path: string; flat: boolean }
  /** Takes a file, says that it has it, and ends. */
  | { open: 'write'; path: string; isLayer: boolean }
  /** Lends a folder, as long as the connection lasts. */
  | { open: 'borrow' }
  /** Goes on to a unix socket. */
  | { open: 'dial'; path: string }
  /** Listens on a unix socket, as long as the connection lasts, and tells of each connection to it, `{ connection }`. */
  | { open: 'listen'; path: string }
  /** Goes on to a connection that was told of. */
  | { open: 'accept'; connection: number };

/** The first line as it travels: it also says whose host is meant, and is refused by any other one. */
export type IntroducedOpening = Opening & HostIdentity;

export function openingLine({ hostId, key }: HostIdentity, opening: Opening): string {
  return `${JSON.stringify({ ...opening, hostId, key } satisfies IntroducedOpening)}\n`;
}

/** What both sides must have in common: an agent of another one is replaced. */
export const protocol = 2;

/** What the agent answers to `hello`. */
export interface Hello {
  protocol: number;
  /** The name of its build. */
  program: string;
  description: HostDescription;
}
