import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { checkMembers, minorOf } from './microversions.ts';
import { newPassword } from './server-request.ts';
import { BooleanOrWord, closed, exampleServer, type Of, ServerParams, serverIdOf, TextOrNull } from './wire.ts';

const common = {
  dialect: 'compute',
  group: 'server actions',
  method: 'POST',
  path: '/servers/{server_id}/action',
  since: '2.1',
  allow: 'admin',
  params: ServerParams,
  errors: [400, 401, 403, 404, 409],
} as const;

/** The host that was named, by its name. */
export async function hostIdOf(cloud: Cloud, name: string | null | undefined): Promise<string | undefined> {
  if (name === null || name === undefined) return undefined;
  const host = (await cloud.hosts.list()).find((one) => one.name === name);
  if (host) return host.id;
  throw new CloudError('invalid', `Compute host ${name} could not be found.`, { field: 'host' });
}

const MigrateBody = Type.Union([Type.Null(), Type.Object({ host: Type.Optional(TextOrNull) })]);

const LiveBody = closed({
  host: TextOrNull,
  block_migration: Type.Optional(
    Type.Unsafe<boolean | string>({
      type: ['boolean', 'string'],
      description: 'Disks are always copied where they have to be; `auto` from 2.25 on.',
    }),
  ),
  disk_over_commit: Type.Optional(BooleanOrWord),
  force: Type.Optional(BooleanOrWord),
});

function checkLiveBody(call: Pick<Call, 'context'>, body: Of<typeof LiveBody>): void {
  const minor = minorOf(call.context);
  const required = ['host', 'block_migration'];
  if (minor < 25) required.push('disk_over_commit');
  const force = minor >= 30 && minor < 68 ? ['force'] : [];
  checkMembers('os-migrateLive', body, [...required, ...force], required);
}

const EvacuateBody = closed({
  host: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  adminPass: Type.Optional(Type.String({ description: 'Default: a random one.' })),
  onSharedStorage: Type.Optional(BooleanOrWord),
  force: Type.Optional(BooleanOrWord),
});

function checkEvacuateBody(call: Pick<Call, 'context'>, body: Of<typeof EvacuateBody>): void {
  const minor = minorOf(call.context);
  const isOld = minor < 14;
  const force = minor >= 29 && minor < 68 ? ['force'] : [];
  const known = ['host', 'adminPass', ...(isOld ? ['onSharedStorage'] : force)];
  checkMembers('evacuate', body, known, isOld ? ['onSharedStorage'] : []);
}

/** What moves servers between hosts. For operators. */
export const serverMoveActions = [
  operation({
    ...common,
    id: 'MigrateServer',
    bodyKey: 'migrate',
    mode: 'async',
    body: MigrateBody,
    responses: { 202: null },
    title: 'Migrate a server',
    summary:
      'Moves the server to another host, of choice from 2.56 on. Its guest is stopped meanwhile. When its status is ' +
      'VERIFY_RESIZE, confirm it, or revert it: then the server is back where it was.',
    examples: [{ title: 'Wherever there is room', params: exampleServer, body: { migrate: null }, status: 202 }],
    async handle(call) {
      const { cloud, subject, body, context } = call;
      const name = minorOf(context) >= 56 ? body?.host : undefined;
      await cloud.servers.migrate(subject, serverIdOf(call), { hostId: await hostIdOf(cloud, name) });
      return {};
    },
  }),
  operation({
    ...common,
    id: 'LiveMigrateServer',
    bodyKey: 'os-migrateLive',
    mode: 'async',
    body: LiveBody,
    responses: { 202: null },
    title: 'Live-migrate a server',
    summary: 'Moves the server to another host while its guest runs, with its memory and its disks.',
    examples: [
      {
        title: 'Wherever there is room, from 2.25 on',
        params: exampleServer,
        body: { 'os-migrateLive': { host: null, block_migration: 'auto' } },
        status: 202,
      },
    ],
    async handle(call) {
      const { cloud, subject, body } = call;
      checkLiveBody(call, body);
      await cloud.servers.liveMigrate(subject, serverIdOf(call), { hostId: await hostIdOf(cloud, body.host) });
      return {};
    },
  }),
  operation({
    ...common,
    id: 'EvacuateServer',
    bodyKey: 'evacuate',
    mode: 'async',
    body: EvacuateBody,
    responses: { 200: Type.Object({ adminPass: Type.Optional(Type.String({ description: 'Up to 2.13.' })) }) },
    title: 'Evacuate a server',
    summary:
      'Builds the server anew from its image on another host, since its own is down (`forced_down`). What was on its disk ' +
      'is lost. Refused while the host is up, and for servers with volumes: those are on the host that is down.',
    examples: [
      { title: 'From 2.14 on', params: exampleServer, body: { evacuate: { adminPass: 'MySecretPass' } }, status: 200 },
    ],
    async handle(call) {
      const { cloud, subject, body, context } = call;
      checkEvacuateBody(call, body);
      const adminPass = body.adminPass ?? newPassword(cloud.env);
      const request = { hostId: await hostIdOf(cloud, body.host), adminPass };
      await cloud.servers.evacuate(subject, serverIdOf(call), request);
      return minorOf(context) < 14 ? { body: { adminPass } } : {};
    },
  }),
];
