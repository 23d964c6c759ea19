import { Type } from 'typebox';
import { consoleKinds, consoleUrl } from '../../../api/console-urls.ts';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { until } from './microversions.ts';
import { closed, exampleServer, ServerParams, serverIdOf } from './wire.ts';

const Console = Type.Object({ type: Type.String(), url: Type.String() });

async function urlOf(call: Pick<Call<{ server_id: string }>, 'cloud' | 'subject' | 'params' | 'origin'>, type: string) {
  const { cloud, subject, origin } = call;
  const kind = consoleKinds.get(type);
  if (!kind) throw new CloudError('invalid', `Unavailable console type ${type}.`, { reason: 'console_type' });
  return consoleUrl(origin, type, await cloud.servers.consoles.open(subject, serverIdOf(call), kind));
}

const create = operation({
  id: 'CreateRemoteConsole',
  dialect: 'compute',
  group: 'server consoles',
  method: 'POST',
  path: '/servers/{server_id}/remote-consoles',
  since: '2.6',
  mode: 'sync',
  allow: 'member',
  params: ServerParams,
  body: closed({
    remote_console: closed({
      protocol: Type.Union([Type.Literal('vnc'), Type.Literal('serial'), Type.Literal('spice'), Type.Literal('rdp')]),
      type: Type.String({ description: '`novnc` with the protocol `vnc`, `serial` with `serial`.' }),
    }),
  }),
  responses: {
    200: Type.Object({ remote_console: Type.Object({ protocol: Type.String(), ...Console.properties }) }),
  },
  errors: [400, 401, 403, 404, 409],
  title: 'Open a console',
  summary:
    "Gives the address of a WebSocket with the server's screen (RFB) or serial port. It is good for one connection, " +
    'which has to be made within ten minutes.',
  examples: [
    {
      title: 'The screen',
      params: exampleServer,
      body: { remote_console: { protocol: 'vnc', type: 'novnc' } },
      status: 200,
    },
  ],
  async handle(call) {
    const { protocol, type } = call.body.remote_console;
    const fits = protocol === consoleKinds.get(type);
    if (!fits) throw new CloudError('invalid', `Unavailable console type ${type}.`, { reason: 'console_type' });
    return { body: { remote_console: { protocol, type, url: await urlOf(call, type) } } };
  },
});

function consoleAction(id: string, bodyKey: string, type: string, words: { title: string; summary: string }) {
  const made = operation({
    id,
    dialect: 'compute',
    group: 'server consoles',
    method: 'POST',
    path: '/servers/{server_id}/action',
    bodyKey,
    since: '2.1',
    mode: 'sync',
    allow: 'member',
    params: ServerParams,
    body: closed({ type: Type.String() }),
    responses: { 200: Type.Object({ console: Console }) },
    errors: [400, 401, 403, 404, 409],
    ...words,
    examples: [{ title: 'Of one server', params: exampleServer, body: { [bodyKey]: { type } }, status: 200 }],
    handle: async (call) => {
      const wanted = call.body.type;
      if (wanted !== type) {
        throw new CloudError('invalid', `Unavailable console type ${wanted}.`, { reason: 'console_type' });
      }
      return { body: { console: { type, url: await urlOf(call, type) } } };
    },
  });
  return until(5, made);
}

/** Ways in to the screen and the serial port of servers. */
export const serverConsoleOperations = [
  create,
  consoleAction('GetVncConsole', 'os-getVNCConsole', 'novnc', {
    title: "Open a server's screen",
    summary: 'As remote-consoles with the type novnc, up to 2.5.',
  }),
  consoleAction('GetSerialConsole', 'os-getSerialConsole', 'serial', {
    title: "Open a server's serial port",
    summary: 'As remote-consoles with the type serial, up to 2.5.',
  }),
];
