import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { parseId } from '../../../env/env.ts';
import { connectionOf } from './connection.ts';
import { exampleVolumeId } from './example.ts';
import { idOf, textOrNull } from './wire.ts';

const common = {
  dialect: 'volume',
  group: 'volume actions',
  method: 'POST',
  path: '/volumes/{volume_id}/action',
  since: '3.0',
  allow: 'member',
  params: Type.Object({ volume_id: Type.String() }),
} as const;
const example = { params: { volume_id: exampleVolumeId } };
const nothing = Type.Unsafe<unknown>({});

/** What Cinder's clients asked for before there were attachments. */
export const attachActionOperations = [
  operation({
    ...common,
    id: 'AttachVolumeToServer',
    bodyKey: 'os-attach',
    mode: 'async',
    body: Type.Object({
      instance_uuid: Type.Optional(textOrNull()),
      host_name: Type.Optional(textOrNull({ description: 'Of something else than a server of this cloud.' })),
      mountpoint: Type.Optional(textOrNull()),
      mode: Type.Optional(Type.Union([Type.Literal('rw'), Type.Literal('ro')])),
    }),
    responses: { 202: null },
    errors: [400, 401, 404, 409],
    title: 'Attach a volume',
    summary: 'To a server it is really attached, as the compute API does it; for anything else it is kept.',
    examples: [
      {
        title: 'To a server',
        ...example,
        body: { 'os-attach': { instance_uuid: '4b2c8f1e-9d3a-4c57-8e60-1f2a3b4c5d6e', mountpoint: '/dev/vdc' } },
        status: 202,
      },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      const { instance_uuid, host_name, mountpoint, mode } = body;
      if ((instance_uuid ? 1 : 0) + (host_name ? 1 : 0) !== 1) {
        throw new CloudError('invalid', 'Invalid input received: one of instance_uuid and host_name is needed.');
      }
      const serverId = instance_uuid ? parseId(instance_uuid) : undefined;
      if (instance_uuid && !serverId) throw new CloudError('invalid', `Invalid UUID for instance: ${instance_uuid}.`);
      const device = mountpoint && /^\/dev\/vd[a-z]+$/.test(mountpoint) ? mountpoint : undefined;
      const id = idOf('volume', params.volume_id);
      const connector = host_name ? { host: host_name, mountpoint: mountpoint ?? undefined } : undefined;
      await cloud.blockStorage.attachments.attach(subject, id, { serverId, device, connector, mode });
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'DetachVolumeFromServer',
    bodyKey: 'os-detach',
    mode: 'async',
    body: Type.Unsafe<{ attachment_id?: string | null } | null>({ type: ['object', 'null'] }),
    responses: { 202: null },
    errors: [400, 401, 404, 409],
    title: 'Detach a volume',
    summary:
      'From whatever has it. Nothing happens to a volume that nothing has. A disk that a server has from the compute API ' +
      'is taken from it by that API only.',
    examples: [{ title: 'By volume', ...example, body: { 'os-detach': {} }, status: 202 }],
    handle: async ({ cloud, subject, params, body }) => {
      const attachmentId = body?.attachment_id ? parseId(body.attachment_id) : undefined;
      await cloud.blockStorage.attachments.detach(subject, idOf('volume', params.volume_id), attachmentId);
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'ForceDetachVolume',
    bodyKey: 'os-force_detach',
    mode: 'async',
    allow: 'admin',
    body: Type.Unsafe<unknown>({ type: ['object', 'null'] }),
    responses: { 202: null },
    errors: [400, 401, 403, 404, 409],
    title: 'Detach a volume in whatever state',
    summary:
      'A server is still asked to let go of it: a guest never goes on writing to a disk that was given to another. What ' +
      'a server has from the compute API is taken from it by that API only.',
    examples: [{ title: 'By volume', ...example, body: { 'os-force_detach': { connector: null } }, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.forceDetach(subject, idOf('volume', params.volume_id));
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'InitializeVolumeConnection',
    bodyKey: 'os-initialize_connection',
    mode: 'sync',
    body: Type.Object({ connector: Type.Record(Type.String(), Type.Unknown()) }),
    responses: {
      200: Type.Object({ connection_info: Type.Unsafe<object>({ type: 'object', additionalProperties: true }) }),
    },
    errors: [400, 401, 404],
    title: 'Initialize a connection to a volume',
    summary: 'Says how the volume is reached from a host, which must be its own.',
    examples: [
      {
        title: 'From its host',
        ...example,
        body: { 'os-initialize_connection': { connector: { initiator: 'iqn.2012-07.org.fake:01' } } },
        status: 200,
      },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      const { attachments } = cloud.blockStorage;
      const id = idOf('volume', params.volume_id);
      const connection = await attachments.initializeConnection(subject, id, body.connector);
      const { metadata } = await cloud.blockStorage.get(subject, id);
      return { body: { connection_info: connectionOf(connection, metadata['readonly'] === 'True' ? 'ro' : 'rw') } };
    },
  }),
  operation({
    ...common,
    id: 'TerminateVolumeConnection',
    bodyKey: 'os-terminate_connection',
    mode: 'sync',
    body: Type.Unsafe<unknown>({ type: ['object', 'null'] }),
    responses: { 202: null },
    errors: [400, 401, 404, 409],
    title: 'Terminate a connection to a volume',
    summary:
      'For what no server has from the compute API. Nothing is open for a connector: the files of a host can be opened ' +
      'there at any time.',
    examples: [{ title: 'By volume', ...example, body: { 'os-terminate_connection': { connector: {} } }, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.attachments.terminateConnection(subject, idOf('volume', params.volume_id));
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'ReserveVolume',
    bodyKey: 'os-reserve',
    mode: 'sync',
    body: nothing,
    responses: { 202: null },
    errors: [400, 401, 404],
    title: 'Keep a volume for being attached',
    summary: 'Nothing else gets it until it is attached or no longer kept.',
    examples: [{ title: 'By volume', ...example, body: { 'os-reserve': {} }, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.attachments.create(subject, {
        volumeId: idOf('volume', params.volume_id),
        connector: {},
      });
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'UnreserveVolume',
    bodyKey: 'os-unreserve',
    mode: 'sync',
    body: nothing,
    responses: { 202: null },
    errors: [400, 401, 404],
    title: 'Keep a volume no longer',
    summary: 'Undoes what keeping it did.',
    examples: [{ title: 'By volume', ...example, body: { 'os-unreserve': {} }, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.attachments.unreserve(subject, idOf('volume', params.volume_id));
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'RetypeVolume',
    bodyKey: 'os-retype',
    mode: 'sync',
    body: Type.Object({
      new_type: Type.String({ minLength: 1 }),
      migration_policy: Type.Optional(textOrNull({ enum: ['never', 'on-demand', null] })),
    }),
    responses: { 202: null },
    errors: [400, 401, 404, 413],
    title: 'Make a volume one of another type',
    summary:
      'Data does not move: a type that the storage of the hosts can not be is refused. A guest that has the volume is ' +
      "told the new type's limits at once.",
    examples: [{ title: 'Another type', ...example, body: { 'os-retype': { new_type: 'fast' } }, status: 202 }],
    handle: async ({ cloud, subject, params, body }) => {
      await cloud.blockStorage.retype(subject, idOf('volume', params.volume_id), body.new_type);
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'ReimageVolume',
    bodyKey: 'os-reimage',
    since: '3.68',
    mode: 'async',
    body: Type.Object({
      image_id: Type.String(),
      reimage_reserved: Type.Optional(Type.Unsafe<boolean | string>({ type: ['boolean', 'string'] })),
    }),
    responses: { 202: null },
    errors: [400, 401, 404],
    title: 'Give a volume the content of an image',
    summary: 'What was on it is lost. Refused for a volume that something has.',
    examples: [
      {
        title: 'An image',
        ...example,
        body: { 'os-reimage': { image_id: '3eb2d8df-487b-4e82-a5ad-cde81d5f7a10' } },
        status: 202,
      },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      const imageId = parseId(body.image_id);
      if (!imageId)
        throw new CloudError('invalid', `Invalid input received: Invalid image identifier ${body.image_id}.`);
      await cloud.blockStorage.reimage(subject, idOf('volume', params.volume_id), imageId);
      return { status: 202 };
    },
  }),
];
