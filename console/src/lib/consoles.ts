import type { ComputeCreateRemoteConsoleBody } from '../api/bodies.ts';
import { send } from './api.ts';

const kinds = {
  serial: { protocol: 'serial', type: 'serial' },
  screen: { protocol: 'vnc', type: 'novnc' },
} as const;

/** Gets a new way into a console: the address of a WebSocket with a token that is good once. */
export async function openConsole(serverId: string, kind: keyof typeof kinds): Promise<string> {
  const { body } = await send<{ remote_console: { url: string } }>({
    method: 'POST',
    path: `/compute/v2.1/servers/${serverId}/remote-consoles`,
    body: { remote_console: kinds[kind] } satisfies ComputeCreateRemoteConsoleBody,
  });
  const given = new URL(body.remote_console.url, location.href);
  const token =
    given.searchParams.get('token') ??
    new URLSearchParams(given.searchParams.get('path')?.split('?')[1]).get('token') ??
    '';
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${location.host}/console/${kind === 'serial' ? 'serial' : 'novnc'}?token=${encodeURIComponent(token)}`;
}
