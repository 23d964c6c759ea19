import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { invalidQuery, minorOf } from './microversions.ts';
import { closed, lastOf, queryText, uuidOf } from './wire.ts';

const common = {
  dialect: 'compute',
  group: 'volume attachments',
  since: '2.1',
  mode: 'async',
  allow: 'admin',
} as const;

const exampleVolume = 'a07f71dc-8151-4e7d-a0cc-cd24a3f11113';
const exampleSnapshot = 'b1323cda-8e4b-41c1-afc5-2fc791809c8c';
const text = (description: string) => Type.String({ minLength: 1, description });

const NewSnapshot = closed({
  volume_id: text('The volume, which a server has.'),
  create_info: closed({
    snapshot_id: text('The id that the snapshot shall have, in the volume API as well.'),
    type: Type.Literal('qcow2'),
    new_file: text('Where a driver keeps its files, the next one. Here the storage names its own.'),
    id: Type.Optional(text('Whatever the client wants to be told again; `snapshot_id` where it is not said.')),
  }),
});

/** The volume that `delete_info` tells of. Throws `invalid`. */
function volumeIn(deleteInfo: string | undefined): string {
  if (deleteInfo === undefined) throw new CloudError('invalid', "'delete_info'", { field: 'delete_info' });
  const told = objectIn(deleteInfo);
  if (typeof told?.['volume_id'] !== 'string')
    throw invalidQuery('delete_info', deleteInfo, "It is JSON that names a 'volume_id'.");
  const id = parseId(told['volume_id']);
  if (id !== undefined) return id;
  throw new CloudError('invalid', `No volume Block Device Mapping with id ${told['volume_id']}.`);
}

function objectIn(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Snapshots of volumes that servers have, made for a volume service. */
export const assistedSnapshotOperations = [
  operation({
    ...common,
    id: 'CreateAssistedVolumeSnapshot',
    method: 'POST',
    path: '/os-assisted-volume-snapshots',
    body: closed({ snapshot: NewSnapshot }),
    responses: { 200: Type.Object({ snapshot: Type.Object({ id: Type.String(), volumeId: Type.String() }) }) },
    errors: [400, 401, 403],
    title: 'Create an assisted volume snapshot',
    summary:
      'Makes a snapshot of a volume that a server has, under an id that the client chose: for volume services whose storage ' +
      'makes none by itself. The volume API lists it under that id.',
    examples: [
      {
        title: 'Of a volume that no server has',
        body: {
          snapshot: {
            volume_id: exampleVolume,
            create_info: { snapshot_id: exampleSnapshot, type: 'qcow2', new_file: 'volume.snapshot' },
          },
        },
        status: 400,
      },
    ],
    async handle({ cloud, subject, body: { snapshot: wanted } }) {
      const { snapshot_id, id = snapshot_id } = wanted.create_info;
      const made = await cloud.blockStorage.createAssistedSnapshot(subject, {
        volumeId: uuidOf('volume_id', wanted.volume_id),
        snapshotId: uuidOf('snapshot_id', snapshot_id),
      });
      return { body: { snapshot: { id, volumeId: withDashes(made.volumeId) } } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteAssistedVolumeSnapshot',
    method: 'DELETE',
    path: '/os-assisted-volume-snapshots/{snapshot_id}',
    params: Type.Object({ snapshot_id: Type.String() }),
    query: Type.Object(
      { delete_info: queryText('JSON: `volume_id`, and what drivers say of their files, which is not heeded.') },
      { additionalProperties: true },
    ),
    responses: { 204: null },
    errors: [400, 401, 403, 404],
    title: 'Delete an assisted volume snapshot',
    summary: 'Deletes a snapshot of a volume that a server has, also one that is still being made.',
    examples: [
      {
        title: 'Of a volume that no server has',
        params: { snapshot_id: exampleSnapshot },
        query: { delete_info: JSON.stringify({ volume_id: exampleVolume }) },
        status: 400,
      },
    ],
    async handle({ cloud, subject, params, query, context }) {
      const stranger = Object.keys(query).find((name) => name !== 'delete_info');
      if (stranger !== undefined && minorOf(context) >= 75) {
        const why = `Additional properties are not allowed ('${stranger}' was unexpected)`;
        throw invalidQuery(stranger, String((query as Record<string, unknown>)[stranger]), why);
      }
      const volumeId = volumeIn(lastOf(query.delete_info));
      const snapshotId = parseId(params.snapshot_id);
      if (snapshotId === undefined) {
        throw notFound('snapshot', params.snapshot_id, `Snapshot ${params.snapshot_id} could not be found.`);
      }
      await cloud.blockStorage.deleteAssistedSnapshot(subject, { volumeId, snapshotId });
      return {};
    },
  }),
];
