import { Type as T } from 'typebox';
import { consoleUrl } from '../../../api/console-urls.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { formatTimestamp } from '../protocol/timestamp.ts';
import { operationFailed } from '../protocol/zstack-error.ts';
import { ofClass } from '../query/java-classes.ts';
import { vmExample } from './vm-examples.ts';
import { inAllowedState, stateOf } from './vm-words.ts';

const group = 'Console';
const shared = { group, since: '0.6', allow: 'member' } as const;
/** Tokens are good for one connection within this time, microseconds. */
const tokenLifetime = 600 * 1_000_000;

const consoleInventory = T.Object(
  {
    scheme: T.String({ description: 'http or https.' }),
    targetScheme: T.String({ description: 'vnc.' }),
    hostname: T.String({ description: 'Where the console is.' }),
    port: T.Integer(),
    token: T.String({ description: 'Good for one connection.' }),
    version: T.String(),
    expiredDate: T.String(),
    url: T.String({ description: 'The page that shows the console.' }),
  },
  { title: 'ConsoleInventory', ...ofClass('org.zstack.header.console.ConsoleInventory') },
);

/** A console that can be connected to from here on, once. */
async function open(cloud: Cloud, subject: Subject, uuid: string, origin: string, message: string) {
  const rule = { message, allowed: ['Running', 'Crashed', 'Paused'], code: 'SYS.1006' } as const;
  const token = await inAllowedState(cloud, subject, uuid, rule, () =>
    cloud.servers.consoles.open(subject, uuid, 'vnc'),
  );
  const { protocol, hostname, port } = new URL(origin);
  const scheme = protocol.slice(0, -1);
  return {
    scheme,
    targetScheme: 'vnc',
    hostname,
    port: Number(port) || (scheme === 'https' ? 443 : 80),
    token,
    version: '1',
    expiredDate: formatTimestamp(cloud.env.now() + tokenLifetime),
    url: consoleUrl(origin, 'novnc', token),
  };
}

const example = {
  scheme: 'http',
  targetScheme: 'vnc',
  hostname: '127.0.0.1',
  port: 8774,
  token: 'Yx0tq3…',
  version: '1',
  expiredDate: 'Nov 21, 2026 2:10:00 PM',
  url: 'http://127.0.0.1:8774/console/novnc?token=Yx0tq3…',
};

const requestConsoleAccess = jobOperation({
  ...shared,
  package: 'header.console',
  id: 'RequestConsoleAccess',
  method: 'POST',
  path: '/consoles',
  body: T.Object({ vmInstanceUuid: T.String({ maxLength: 64, description: 'The server.' }) }),
  response: T.Object({ inventory: consoleInventory, success: T.Boolean() }),
  title: 'Request access to a console',
  summary: 'Gives a token for one connection to the screen of a running server.',
  examples: [
    {
      title: 'Open',
      body: { params: { vmInstanceUuid: vmExample.uuid } },
      status: 200,
      response: { inventory: example, success: true },
    },
  ],
  handle: async ({ cloud, subject, origin, input: { vmInstanceUuid } }) => {
    const message = 'org.zstack.header.console.APIRequestConsoleAccessMsg';
    return { body: { inventory: await open(cloud, subject, vmInstanceUuid, origin, message), success: true } };
  },
});

const getVmConsoleAddress = syncOperation({
  ...shared,
  package: 'header.vm',
  id: 'GetVmConsoleAddress',
  method: 'GET',
  path: '/vm-instances/{uuid}/console-addresses',
  params: uuidIn('uuid', 'The server.'),
  response: T.Object({
    hostIp: T.String(),
    port: T.Integer(),
    protocol: T.String(),
    path: T.String({ description: 'What to append to the address, with its token.' }),
  }),
  title: 'Get the address of a console',
  summary:
    'Where the screen of a running server can be connected to: consoles are reached through the API, never at hosts.',
  examples: [
    {
      title: 'Get',
      params: { uuid: vmExample.uuid },
      status: 200,
      response: { hostIp: '127.0.0.1', port: 8774, protocol: 'vnc', path: '/console/novnc?token=Yx0tq3…' },
    },
  ],
  handle: async ({ cloud, subject, origin, input: { uuid } }) => {
    const message = 'org.zstack.header.vm.APIGetVmConsoleAddressMsg';
    const { hostname, port, token } = await open(cloud, subject, uuid, origin, message);
    return { hostIp: hostname, port, protocol: 'vnc', path: `/console/novnc?token=${token}` };
  },
});

const takeVmConsoleScreenshot = jobOperation({
  ...shared,
  package: 'header.vm',
  id: 'TakeVmConsoleScreenshot',
  since: '4.7.0',
  method: 'PUT',
  path: '/vm-instances/{uuid}/actions',
  params: uuidIn('uuid', 'The server.'),
  response: T.Object({
    imageData: T.Optional(T.String({ description: 'What the screen shows, as PNG in base64.' })),
    success: T.Optional(T.Boolean()),
  }),
  title: 'Take a screenshot of a server',
  summary:
    'Gives a picture of what the screen of a running server shows. The job keeps it for ten minutes, and an account the five newest ones.',
  examples: [
    {
      title: 'Take',
      params: { uuid: vmExample.uuid },
      body: { takeVmConsoleScreenshot: {} },
      status: 200,
      response: { imageData: 'iVBORw0KGgoAAAANSUhEUgAA…', success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    if ((await stateOf(cloud, subject, uuid)) !== 'Running') {
      throw operationFailed(`can not take vm console screenshot for vm[uuid:${uuid}] which is not Running`);
    }
    return { body: { success: true }, brief: { imageData: await cloud.servers.screenshot(subject, uuid) } };
  },
});

export const vmConsoleOperations = [requestConsoleAccess, getVmConsoleAddress, takeVmConsoleScreenshot];
