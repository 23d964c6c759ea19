import type { ConsoleKind } from '../agent/contract.ts';

/** The consoles, by the names that they have in URLs and in Nova's API. */
export const consoleKinds: ReadonlyMap<string, ConsoleKind> = new Map([
  ['novnc', 'vnc'],
  ['serial', 'serial'],
]);

/** Where to connect to a console, as a WebSocket: `ws` and `wss` serve what `http` and `https` name here. */
export function consoleUrl(origin: string, name: string, token: string): string {
  return `${name === 'serial' ? origin.replace(/^http/, 'ws') : origin}/console/${name}?token=${token}`;
}
