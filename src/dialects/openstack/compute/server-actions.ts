import { type TSchema, Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { UnshelveOptions } from '../../../cloud/servers/transitions/unshelve.ts';
import { withDashes } from '../../../env/env.ts';
import { checkMembers, invalidField, minorOf } from './microversions.ts';
import { checkMetadata } from './server-metadata-rules.ts';
import { hostIdOf } from './server-moves.ts';
import { metadata } from './server-schemas.ts';
import {
  closed,
  exampleServer,
  flavorIdOf,
  integerOf,
  NumberOrText,
  type Of,
  ServerParams,
  serverIdOf,
  TextOrNull,
} from './wire.ts';

type Verb<Body> = (call: Call<{ server_id: string }, object, Body>, serverId: string) => Promise<unknown>;

interface Words {
  title: string;
  summary: string;
}

/** Actions share a path; the body's one key says which one is meant. Those that have nothing to say take anything. */
function action<Body extends TSchema>(
  id: string,
  bodyKey: string,
  words: Words,
  verb: Verb<Of<Body>>,
  options: { body?: Body; example?: unknown; status?: 202 | 204; sync?: boolean } = {},
) {
  const { body = Type.Unknown(), example = null, status = 202, sync } = options;
  return operation({
    id,
    dialect: 'compute',
    group: 'server actions',
    method: 'POST',
    path: '/servers/{server_id}/action',
    bodyKey,
    since: '2.1',
    mode: sync ? 'sync' : 'async',
    allow: 'member',
    params: ServerParams,
    body,
    responses: { [status]: null },
    errors: [400, 401, 403, 404, 409],
    ...words,
    examples: [{ title: 'Of one server', params: exampleServer, body: { [bodyKey]: example }, status }],
    async handle(call) {
      await verb(call as Call<{ server_id: string }, object, Of<Body>>, serverIdOf(call));
      return {};
    },
  });
}

const RebootBody = closed({ type: Type.String({ description: '`SOFT` asks the guest, `HARD` is the reset button.' }) });
const ResizeBody = closed({
  flavorRef: NumberOrText,
  'OS-DCF:diskConfig': Type.Optional(Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')])),
});

const UnshelveBody = Type.Union([
  Type.Null(),
  closed({ availability_zone: Type.Optional(TextOrNull), host: Type.Optional(Type.String()) }),
]);

/**
 * Where it is to come back: nowhere in particular, in a zone, which may be said from 2.77 on, or, from 2.91 on and by
 * administrators, on a host; a zone of null then lets go of the one it was made in.
 */
async function unshelveOptions(call: Call, body: Of<typeof UnshelveBody>): Promise<UnshelveOptions> {
  const { cloud, subject } = call;
  const minor = minorOf(call.context);
  if (body === null || minor < 77) return {};
  const { host, availability_zone: name } = body;
  if (minor < 91) checkMembers('unshelve', body, ['availability_zone'], ['availability_zone']);
  else if (Object.keys(body).length === 0) throw invalidField('unshelve', body, '{} does not have enough properties');
  if (minor < 91 && name === null) throw invalidField('availability_zone', name, "None is not of type 'string'");
  if (host !== undefined && !subject.isAdmin) {
    const rule = 'os_compute_api:os-shelve:unshelve_to_host';
    throw new CloudError('forbidden', `Policy doesn't allow ${rule} to be performed.`);
  }
  const zone = typeof name === 'string' ? await cloud.zones.available(name) : undefined;
  if (typeof name === 'string' && !zone)
    throw new CloudError('invalid', `The requested availability zone is not available: ${name}`);
  return { zoneId: zone?.id ?? (name === null ? null : undefined), hostId: await hostIdOf(cloud, host) };
}

export const powerActions = [
  action(
    'StartServer',
    'os-start',
    { title: 'Start a server', summary: 'Starts a server that is stopped.' },
    ({ cloud, subject }, id) => cloud.servers.start(subject, id),
  ),
  action(
    'StopServer',
    'os-stop',
    {
      title: 'Stop a server',
      summary: 'Asks the system of the server to shut down, and switches it off where it does not within a minute.',
    },
    ({ cloud, subject }, id) => cloud.servers.stop(subject, id),
  ),
  action(
    'RebootServer',
    'reboot',
    { title: 'Reboot a server', summary: 'Restarts a server; the hard way also where it is stopped or has failed.' },
    ({ cloud, subject, body }, id) => cloud.servers.reboot(subject, id, rebootType(body.type)),
    { body: RebootBody, example: { type: 'SOFT' } },
  ),
  action(
    'PauseServer',
    'pause',
    { title: 'Pause a server', summary: "Lets the server's processors stand still. Its memory stays as it is." },
    ({ cloud, subject }, id) => cloud.servers.pause(subject, id),
  ),
  action(
    'UnpauseServer',
    'unpause',
    { title: 'Unpause a server', summary: 'Lets a server that is paused go on.' },
    ({ cloud, subject }, id) => cloud.servers.unpause(subject, id),
  ),
  action(
    'ShelveServer',
    'shelve',
    {
      title: 'Shelve a server',
      summary:
        'Puts a server away: its processors and memory become free for others, its root disk becomes an image, or ' +
        'stays where it is a volume. Its id, addresses and volumes stay its own.',
    },
    ({ cloud, subject }, id) => cloud.servers.shelve(subject, id),
  ),
  action(
    'UnshelveServer',
    'unshelve',
    {
      title: 'Unshelve a server',
      summary:
        'Brings a shelved server back, on whatever host has room. Where none has, it stays shelved, and its actions ' +
        'say so.',
    },
    async (call, id) => {
      await call.cloud.servers.unshelve(call.subject, id, await unshelveOptions(call, call.body));
    },
    { body: UnshelveBody, example: { availability_zone: 'nova' } },
  ),
];

export const sizeActions = [
  action(
    'ResizeServer',
    'resize',
    {
      title: 'Resize a server',
      summary:
        'Gives the server another flavor. When its status is VERIFY_RESIZE, confirm it, or revert it: then the server ' +
        'is what it was before, with the disk that it had.',
    },
    async (call, id) => {
      const flavorId = await flavorIdOf(call, call.body.flavorRef);
      const { 'OS-DCF:diskConfig': diskConfig } = call.body;
      await call.cloud.servers.resize(call.subject, id, flavorId);
      if (diskConfig) await call.cloud.servers.update(call.subject, id, { diskConfig });
    },
    { body: ResizeBody, example: { flavorRef: '84' } },
  ),
  action(
    'ConfirmResize',
    'confirmResize',
    { title: 'Confirm a resize', summary: 'Keeps the new size, and gives up the way back.' },
    ({ cloud, subject }, id) => cloud.servers.confirmResize(subject, id),
    { status: 204 },
  ),
  action(
    'RevertResize',
    'revertResize',
    { title: 'Revert a resize', summary: 'Goes back to the flavor and the disk from before the resize.' },
    ({ cloud, subject }, id) => cloud.servers.revertResize(subject, id),
  ),
];

const LockBody = Type.Union([
  Type.Null(),
  Type.Object({ locked_reason: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) }),
]);

/** From 2.73 on; before that nothing is read of the body. */
function lockReason(context: Call['context'], body: Of<typeof LockBody>): string | null {
  if (minorOf(context) < 73 || body === null) return null;
  const stranger = Object.keys(body).find((member) => member !== 'locked_reason');
  if (stranger === undefined) return body.locked_reason ?? null;
  throw invalidField('lock', body, `Additional properties are not allowed ('${stranger}' was unexpected)`);
}

export const otherActions = [
  action(
    'LockServer',
    'lock',
    { title: 'Lock a server', summary: 'Lets only administrators change the server until it is unlocked.' },
    ({ cloud, subject, context, body }, id) => cloud.servers.setLock(subject, id, true, lockReason(context, body)),
    { sync: true, body: LockBody },
  ),
  action(
    'UnlockServer',
    'unlock',
    { title: 'Unlock a server', summary: 'Takes the lock of a server away.' },
    ({ cloud, subject }, id) => cloud.servers.setLock(subject, id, false),
    { sync: true },
  ),
  action(
    'ForceDeleteServer',
    'forceDelete',
    {
      title: 'Force the deletion of a server',
      summary: 'Deletes a server for good, in whatever state it is: also one that could still be restored.',
    },
    ({ cloud, subject }, id) => cloud.servers.forceDelete(subject, id),
  ),
];

export const createServerImage = operation({
  id: 'CreateServerImage',
  dialect: 'compute',
  group: 'server actions',
  method: 'POST',
  path: '/servers/{server_id}/action',
  bodyKey: 'createImage',
  since: '2.1',
  mode: 'async',
  allow: 'member',
  params: ServerParams,
  body: closed({ name: Type.String({ minLength: 1, maxLength: 255 }), metadata: Type.Optional(metadata) }),
  responses: { 202: Type.Object({ image_id: Type.String() }) },
  errors: [400, 401, 403, 404, 409],
  title: 'Create an image of a server',
  summary:
    "Makes an image of the server's root disk as it is at one moment, without stopping the server. Of a server that " +
    'boots from a volume it has no bytes, but names of snapshots of its volumes, of which new servers get theirs. The answer names ' +
    'the image, in its header Location up to 2.44 and in its body from then on; the image can be used when it is active.',
  examples: [
    {
      title: 'With a property',
      params: exampleServer,
      body: { createImage: { name: 'before-upgrade', metadata: { purpose: 'backup' } } },
      status: 202,
    },
  ],
  async handle(call) {
    const { cloud, subject, body, context, origin } = call;
    await checkMetadata(call, body.metadata);
    const serverId = serverIdOf(call);
    const template = { name: body.name, properties: body.metadata ?? {} };
    const isVolumeBacked = (await cloud.servers.get(subject, serverId)).imageId === null;
    const { image } = isVolumeBacked
      ? await cloud.servers.createMappedImage(subject, serverId, template)
      : await cloud.servers.createImage(subject, serverId, template);
    const id = withDashes(image.id);
    if (minorOf(context) >= 45) return { body: { image_id: id } };
    return { headers: { location: `${origin}/image/v2/images/${id}` } };
  },
});

export const getConsoleOutput = operation({
  id: 'GetConsoleOutput',
  dialect: 'compute',
  group: 'server actions',
  method: 'POST',
  path: '/servers/{server_id}/action',
  bodyKey: 'os-getConsoleOutput',
  since: '2.1',
  mode: 'sync',
  allow: 'member',
  params: ServerParams,
  body: closed({
    length: Type.Optional(
      Type.Unsafe<number | string | null>({
        type: ['integer', 'string', 'null'],
        description: 'Lines from the end; all where it is -1 or left out.',
      }),
    ),
  }),
  responses: { 200: Type.Object({ output: Type.String() }) },
  errors: [400, 401, 403, 404, 409, 503],
  title: 'Show console output',
  summary: 'What the guest wrote on its serial console.',
  examples: [
    { title: 'The last lines', params: exampleServer, body: { 'os-getConsoleOutput': { length: 50 } }, status: 200 },
  ],
  async handle(call) {
    const { cloud, subject, body } = call;
    const length = body.length === null || body.length === undefined ? -1 : integerOf('length', body.length, -1);
    const output = await cloud.servers.consoleLog(subject, serverIdOf(call), length < 0 ? undefined : length);
    return { body: { output } };
  },
});

function rebootType(type: string): 'soft' | 'hard' {
  const wanted = type.toLowerCase();
  if (wanted === 'soft' || wanted === 'hard') return wanted;
  throw invalidField('type', type, `'${type}' is not one of ['SOFT', 'Soft', 'soft', 'HARD', 'Hard', 'hard']`);
}
