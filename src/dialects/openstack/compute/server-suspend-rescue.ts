import { type TSchema, Type } from 'typebox';
import { type Answer, type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Allowed } from '../../../cloud/identity/subject.ts';
import { withDashes } from '../../../env/env.ts';
import { minorOf } from './microversions.ts';
import { checkMetadata } from './server-metadata-rules.ts';
import { newPassword } from './server-request.ts';
import { metadata } from './server-schemas.ts';
import {
  closed,
  exampleImageId,
  exampleServer,
  imageIdOf,
  integerOf,
  NumberOrText,
  type Of,
  ServerParams,
  serverIdOf,
} from './wire.ts';

interface ActionOptions<Body extends TSchema> {
  words: { title: string; summary: string };
  body?: Body;
  example?: unknown;
  /** Default: an empty 202. */
  answer?: { status: number; schema: TSchema };
  since?: string;
  allow?: Allowed;
  /** What fails beside what always can. */
  errors?: readonly number[];
}

function action<Body extends TSchema>(
  id: string,
  bodyKey: string,
  options: ActionOptions<Body>,
  verb: (call: Call<{ server_id: string }, object, Of<Body>>, serverId: string) => Promise<Answer | object | void>,
) {
  const {
    words,
    body = Type.Unknown(),
    example = null,
    answer,
    since = '2.1',
    allow = 'member',
    errors = [],
  } = options;
  const status = answer?.status ?? 202;
  return operation({
    id,
    dialect: 'compute',
    group: 'server actions',
    method: 'POST',
    path: '/servers/{server_id}/action',
    bodyKey,
    since,
    mode: 'async',
    allow,
    params: ServerParams,
    body,
    responses: { [status]: answer?.schema ?? null },
    errors: [401, 403, 404, 409, ...errors],
    ...words,
    examples: [{ title: 'Of one server', params: exampleServer, body: { [bodyKey]: example }, status }],
    async handle(call) {
      const given = await verb(call as Call<{ server_id: string }, object, Of<Body>>, serverIdOf(call));
      return answer ? { status, body: given } : {};
    },
  });
}

const RescueBody = Type.Union([
  closed({
    adminPass: Type.Optional(Type.String({ minLength: 1, description: 'Generated where none is given.' })),
    rescue_image_ref: Type.Optional(Type.String({ description: "Default: the server's own image." })),
  }),
  Type.Null(),
]);

const suspend = action(
  'SuspendServer',
  'suspend',
  {
    words: {
      title: 'Suspend a server',
      summary:
        "Writes the server's memory to its host's disk and ends it. It needs no processor then, and outlives a " +
        'restart of the host.',
    },
  },
  async ({ cloud, subject }, id) => void (await cloud.servers.suspend(subject, id)),
);

const resume = action(
  'ResumeServer',
  'resume',
  {
    words: {
      title: 'Resume a suspended server',
      summary: 'Lets a suspended server go on from the moment at which it was suspended.',
    },
  },
  async ({ cloud, subject }, id) => void (await cloud.servers.resume(subject, id)),
);

const rescue = action(
  'RescueServer',
  'rescue',
  {
    words: {
      title: 'Rescue a server',
      summary:
        'Boots the server from a fresh disk over an image, with its own root disk as the second one, so that what ' +
        'keeps it from booting can be repaired. Where the image has `hw_rescue_device` or `hw_rescue_bus`, the disk ' +
        'stands beside those of the server, which keep their names; then servers that boot from a volume can be ' +
        'rescued too, from 2.87 on.',
    },
    body: RescueBody,
    example: { adminPass: 'MySecretPass', rescue_image_ref: exampleImageId },
    answer: { status: 200, schema: Type.Object({ adminPass: Type.String() }) },
    errors: [400],
  },
  async ({ cloud, subject, context, body }, id) => {
    const imageId = imageIdOf(context, body?.rescue_image_ref);
    const adminPass = body?.adminPass ?? newPassword(cloud.env);
    await cloud.servers.rescue(subject, id, { imageId, adminPass, withVolumes: minorOf(context) >= 87 });
    return { adminPass };
  },
);

const unrescue = action(
  'UnrescueServer',
  'unrescue',
  {
    words: { title: 'Unrescue a server', summary: 'Boots a rescued server from its own root disk again.' },
  },
  async ({ cloud, subject }, id) => void (await cloud.servers.unrescue(subject, id)),
);

const triggerCrashDump = action(
  'TriggerCrashDump',
  'trigger_crash_dump',
  {
    words: {
      title: 'Trigger a crash dump',
      summary:
        'Sends the guest a non-maskable interrupt. Systems that are set up so write a dump of their memory then.',
    },
    since: '2.17',
    errors: [400],
  },
  async ({ cloud, subject, body }, id) => {
    if (body !== null) throw new CloudError('invalid', 'Invalid input for field/attribute trigger_crash_dump.');
    await cloud.servers.triggerCrashDump(subject, id);
  },
);

const resetState = action(
  'ResetServerState',
  'os-resetState',
  {
    words: {
      title: "Reset a server's state",
      summary:
        'Says of a server that it is active or in error. What its guest really does is found out afterwards. One that was ' +
        'rescued boots from its own disk when it is started again. While something is under way on the server it is ' +
        'refused: that ends by itself.',
    },
    body: closed({ state: Type.Union([Type.Literal('active'), Type.Literal('error')]) }),
    example: { state: 'error' },
    allow: 'admin',
    errors: [400],
  },
  async ({ cloud, subject, body }, id) => await cloud.servers.resetState(subject, id, body.state),
);

const BackupBody = closed({
  name: Type.String({ minLength: 1, maxLength: 255 }),
  backup_type: Type.String({ maxLength: 255, description: 'Any word: those of a type take turns.' }),
  rotation: NumberOrText,
  metadata: Type.Optional(metadata),
});

const createBackup = operation({
  id: 'CreateServerBackup',
  dialect: 'compute',
  group: 'server actions',
  method: 'POST',
  path: '/servers/{server_id}/action',
  bodyKey: 'createBackup',
  since: '2.1',
  mode: 'async',
  allow: 'member',
  params: ServerParams,
  body: BackupBody,
  responses: { 202: Type.Object({ image_id: Type.String() }) },
  errors: [400, 401, 403, 404, 409],
  title: 'Create a backup of a server',
  summary:
    'Makes an image of the server as createImage does, and deletes its oldest backups of the same type, so that as ' +
    'many are left as `rotation` says. With 0 none is left, so the answer names no image.',
  examples: [
    {
      title: 'Every day, for a week',
      params: exampleServer,
      body: { createBackup: { name: 'monday', backup_type: 'daily', rotation: 7 } },
      status: 202,
    },
  ],
  async handle(call) {
    const { cloud, subject, body, context, origin } = call;
    await checkMetadata(call, body.metadata);
    const rotation = integerOf('rotation', body.rotation, 0);
    const request = { name: body.name, backupType: body.backup_type, rotation, properties: body.metadata };
    const { image } = await cloud.servers.createBackup(subject, serverIdOf(call), request);
    const id = withDashes(image.id);
    if (rotation === 0) return {};
    if (minorOf(context) >= 45) return { body: { image_id: id } };
    return { headers: { location: `${origin}/image/v2/images/${id}` } };
  },
});

/** To suspend a server, to rescue it, and what administrators do with one that is in trouble. */
export const suspendRescueActions = [suspend, resume, rescue, unrescue, createBackup, resetState, triggerCrashDump];
