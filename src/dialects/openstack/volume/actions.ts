import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { type VolumeStatus, volumeStatuses } from '../../../cloud/volumes/rules.ts';
import { atLeast } from '../common/microversion.ts';
import { exampleSnapshotId, exampleVolumeId } from './example.ts';
import { uploadImageOperation } from './upload-image.ts';
import { booleanOf, bytesOf, flag, idOf, Metadata, MetadataDocument, namedId, textOrNull } from './wire.ts';

const params = Type.Object({ volume_id: Type.String() });
const common = {
  dialect: 'volume',
  group: 'volume actions',
  method: 'POST',
  path: '/volumes/{volume_id}/action',
  since: '3.0',
  allow: 'member',
  params,
} as const;
const example = { params: { volume_id: exampleVolumeId } };

const statuses = Object.fromEntries(volumeStatuses.map((status) => [status, status])) as Record<string, VolumeStatus>;
/** That one moves can't be said: it follows from its being moved. */
const migrationStatuses = { none: null, success: 'success', error: 'error' } as const;

/** What a word means, undefined where none is said. Throws `invalid`. */
function oneOf<T>(
  field: string,
  word: string | null | undefined,
  meanings: Readonly<Record<string, T>>,
): T | undefined {
  if (word === null || word === undefined) return undefined;
  const known = word.toLowerCase();
  if (Object.hasOwn(meanings, known)) return meanings[known]!;
  throw new CloudError('invalid', `Must specify a valid ${field}: ${Object.keys(meanings).join(', ')}.`, { field });
}

export const actionOperations = [
  operation({
    ...common,
    id: 'ExtendVolume',
    bodyKey: 'os-extend',
    mode: 'async',
    body: Type.Object({
      new_size: Type.Unsafe<number | string>({ type: ['integer', 'string'], description: 'GiB.' }),
    }),
    responses: { 202: null },
    errors: [400, 401, 404, 413],
    title: 'Extend a volume',
    summary: 'Makes a volume larger; from 3.42 on also one that a server has, whose system sees the new size at once.',
    examples: [{ title: 'To 20 GiB', ...example, body: { 'os-extend': { new_size: 20 } }, status: 202 }],
    handle: async ({ cloud, subject, params: { volume_id }, body, context }) => {
      const size = bytesOf(body.new_size, 'new_size')!;
      const options = { evenIfAttached: atLeast(context, 3, 42) };
      await cloud.blockStorage.extend(subject, idOf('volume', volume_id), size, options);
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'SetBootable',
    bodyKey: 'os-set_bootable',
    mode: 'sync',
    body: Type.Object({ bootable: flag() }),
    responses: { 200: null },
    errors: [400, 401, 404],
    title: 'Say whether a volume can be booted from',
    summary: 'What is made of an image can, by itself.',
    examples: [{ title: 'It can', ...example, body: { 'os-set_bootable': { bootable: true } }, status: 200 }],
    handle: async ({ cloud, subject, params: { volume_id }, body }) => {
      const bootable = booleanOf(body.bootable, 'bootable');
      await cloud.blockStorage.setBootable(subject, idOf('volume', volume_id), bootable);
      return { status: 200 };
    },
  }),
  operation({
    ...common,
    id: 'UpdateReadonlyFlag',
    bodyKey: 'os-update_readonly_flag',
    mode: 'sync',
    body: Type.Object({ readonly: flag() }),
    responses: { 202: null },
    errors: [400, 401, 404],
    title: 'Say whether a volume is for reading only',
    summary: 'Servers that it is attached to from then on can not write to it.',
    examples: [{ title: 'It is', ...example, body: { 'os-update_readonly_flag': { readonly: true } }, status: 202 }],
    handle: async ({ cloud, subject, params: { volume_id }, body }) => {
      const readOnly = booleanOf(body.readonly, 'readonly');
      await cloud.blockStorage.setReadOnly(subject, idOf('volume', volume_id), readOnly);
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'SetImageMetadata',
    bodyKey: 'os-set_image_metadata',
    mode: 'sync',
    body: Type.Object({ metadata: Metadata }),
    responses: { 200: MetadataDocument },
    errors: [400, 401, 404],
    title: 'Set image metadata of a volume',
    summary: 'What images that are made of the volume will say of themselves.',
    examples: [
      {
        title: 'The system',
        ...example,
        body: { 'os-set_image_metadata': { metadata: { os_distro: 'debian' } } },
        status: 200,
      },
    ],
    handle: async ({ cloud, subject, params: { volume_id }, body }) => {
      const set = (old: Record<string, string>) => ({ ...old, ...body.metadata });
      const volume = await cloud.blockStorage.setImageMetadata(subject, idOf('volume', volume_id), set);
      return { body: { metadata: volume.imageMetadata } };
    },
  }),
  operation({
    ...common,
    id: 'UnsetImageMetadata',
    bodyKey: 'os-unset_image_metadata',
    mode: 'sync',
    body: Type.Object({ key: Type.String({ minLength: 1, maxLength: 255 }) }),
    responses: { 200: null },
    errors: [400, 401, 404],
    title: 'Unset image metadata of a volume',
    summary: 'Takes one key away.',
    examples: [
      { title: 'The system', ...example, body: { 'os-unset_image_metadata': { key: 'os_distro' } }, status: 200 },
    ],
    handle: async ({ cloud, subject, params: { volume_id }, body }) => {
      await cloud.blockStorage.setImageMetadata(subject, idOf('volume', volume_id), (old) => {
        const { [body.key]: value, ...others } = old;
        if (value !== undefined) return others;
        throw new CloudError('not_found', 'Metadata could not be found.', { resource: 'metadata' });
      });
      return { status: 200 };
    },
  }),
  operation({
    ...common,
    id: 'ShowImageMetadata',
    bodyKey: 'os-show_image_metadata',
    mode: 'sync',
    allow: 'reader',
    body: Type.Unsafe<unknown>({}),
    responses: { 200: MetadataDocument },
    errors: [401, 404],
    title: 'Show image metadata of a volume',
    summary: 'What the volume knows of the image it was made from.',
    examples: [{ title: 'All', ...example, body: { 'os-show_image_metadata': null }, status: 200 }],
    handle: async ({ cloud, subject, params: { volume_id } }) => {
      const volume = await cloud.blockStorage.get(subject, idOf('volume', volume_id));
      return { body: { metadata: volume.imageMetadata } };
    },
  }),
  operation({
    ...common,
    id: 'RevertVolume',
    bodyKey: 'revert',
    since: '3.40',
    mode: 'async',
    body: Type.Object({ snapshot_id: Type.String() }),
    responses: { 202: null },
    errors: [400, 401, 404],
    title: 'Revert a volume to a snapshot',
    summary: 'Gives a volume the content that it had when its latest snapshot was made.',
    examples: [
      { title: 'To its latest', ...example, body: { revert: { snapshot_id: exampleSnapshotId } }, status: 202 },
    ],
    handle: async ({ cloud, subject, params: { volume_id }, body }) => {
      const snapshotId = namedId('snapshot', body.snapshot_id)!;
      await cloud.blockStorage.revert(subject, idOf('volume', volume_id), snapshotId, { onlyLatest: true });
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'ResetVolumeStatus',
    bodyKey: 'os-reset_status',
    mode: 'sync',
    allow: 'admin',
    body: Type.Object({
      status: Type.Optional(textOrNull()),
      attach_status: Type.Optional(textOrNull()),
      migration_status: Type.Optional(textOrNull()),
    }),
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Reset the status of a volume',
    summary:
      'Says in what state a volume is, where the cloud has it wrong, or what its last move to another host came to. Nothing ' +
      'else changes. Whether it is attached follows from its server: another `attach_status` than that is refused.',
    examples: [{ title: 'In error', ...example, body: { 'os-reset_status': { status: 'error' } }, status: 202 }],
    handle: async ({ cloud, subject, params: { volume_id }, body }) => {
      const said = {
        status: oneOf('status', body.status, statuses),
        attached: oneOf('attach_status', body.attach_status, { attached: true, detached: false }),
        migrationStatus: oneOf('migration_status', body.migration_status, migrationStatuses),
      };
      if (Object.values(said).every((one) => one === undefined)) {
        throw new CloudError('invalid', "Must specify 'status', 'attach_status' or 'migration_status' for update.");
      }
      await cloud.blockStorage.resetStatus(subject, idOf('volume', volume_id), said);
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'ForceDeleteVolume',
    bodyKey: 'os-force_delete',
    mode: 'async',
    allow: 'admin',
    body: Type.Unsafe<unknown>({}),
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Delete a volume in whatever state',
    summary: 'Ends what is under way on it. A volume that a server has is refused.',
    examples: [{ title: 'By id', ...example, body: { 'os-force_delete': {} }, status: 202 }],
    handle: async ({ cloud, subject, params: { volume_id } }) => {
      await cloud.blockStorage.delete(subject, idOf('volume', volume_id), { force: true });
      return { status: 202 };
    },
  }),
  uploadImageOperation(),
];
