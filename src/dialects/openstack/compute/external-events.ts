import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { invalidField, minorOf } from './microversions.ts';
import { undefinedIfNotFound } from './wire.ts';

/** Name of an event → the microversion that brought it, without its 2. */
const eventNames: Record<string, number> = {
  'network-changed': 1,
  'network-vif-plugged': 1,
  'network-vif-unplugged': 1,
  'network-vif-deleted': 1,
  'volume-extended': 51,
  'power-update': 76,
  'accelerator-request-bound': 82,
  'volume-reimaged': 93,
};

const Event = Type.Object(
  {
    server_uuid: Type.String(),
    name: Type.String(),
    tag: Type.Optional(Type.String({ description: 'The port or the volume, or `POWER_ON` and `POWER_OFF`.' })),
    status: Type.Optional(Type.Union([Type.Literal('failed'), Type.Literal('completed'), Type.Literal('in-progress')])),
  },
  { additionalProperties: false },
);
type Event = Type.Static<typeof Event>;

/**
 * Ports and volumes are the cloud's own here, and it knows what happens to them, so events about them are only taken
 * note of. A change of power is heeded: where the guest is not as it says, it is started or stopped.
 */
async function outcomeOf({ cloud, subject }: Pick<Call, 'cloud' | 'subject'>, event: Event) {
  const id = parseId(event.server_uuid);
  const server = id && (await cloud.servers.get(subject, id).catch(undefinedIfNotFound));
  if (!server) return { ...event, status: 'failed', code: 404 };
  const shown = { ...event, server_uuid: withDashes(server.id), status: event.status ?? 'completed' };
  if (server.hostId === null) return { ...shown, status: 'failed', code: 422 };
  if (event.name === 'power-update') await heedPower({ cloud, subject }, server.id, server.vmState, event.tag);
  return { ...shown, code: 200 };
}

async function heedPower({ cloud, subject }: Pick<Call, 'cloud' | 'subject'>, id: string, state: string, tag?: string) {
  if (tag === 'POWER_ON' && state === 'stopped') await cloud.servers.start(subject, id);
  if (tag === 'POWER_OFF' && state === 'active') await cloud.servers.stop(subject, id);
}

export const createExternalEvents = operation({
  id: 'CreateExternalEvents',
  dialect: 'compute',
  group: 'servers',
  method: 'POST',
  path: '/os-server-external-events',
  since: '2.1',
  mode: 'sync',
  allow: 'service',
  body: Type.Object({ events: Type.Array(Event, { minItems: 1 }) }, { additionalProperties: false }),
  responses: {
    200: Type.Object({ events: Type.Array(Type.Object({ ...Event.properties, code: Type.Integer() })) }),
    207: Type.Object({ events: Type.Array(Type.Object({ ...Event.properties, code: Type.Integer() })) }),
  },
  errors: [400, 401, 403, 404],
  title: 'Tell of events outside of compute',
  summary:
    'How other services tell what happened to what servers have. The answer is 207 where some of the events could not ' +
    'be used, and 404 where none could.',
  examples: [
    {
      title: 'Of a server that there is not',
      body: {
        events: [{ name: 'network-changed', server_uuid: 'fee86478-a120-488f-8359-97d200564b90', tag: 'a-port' }],
      },
      status: 404,
    },
  ],
  async handle(call) {
    const minor = minorOf(call.context);
    for (const { name } of call.body.events) {
      if ((eventNames[name] ?? Number.POSITIVE_INFINITY) <= minor) continue;
      throw invalidField('name', name, `'${name}' is not one of the events of this version`);
    }
    const events = [];
    for (const event of call.body.events) events.push(await outcomeOf(call, event));
    if (events.every(({ code }) => code === 404)) {
      throw new CloudError('not_found', 'No instances found for any event', { resource: 'server' });
    }
    return { status: events.every(({ code }) => code === 200) ? 200 : 207, body: { events } };
  },
});
