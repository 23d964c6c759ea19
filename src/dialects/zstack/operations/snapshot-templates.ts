import { Type as T, type TSchema } from 'typebox';
import type { AnyOperation } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { NewTemplate } from '../../../cloud/images/templates.ts';
import { image } from '../inventories/image.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import { volume } from '../inventories/volume.ts';
import { descriptionField, nameField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import type { Tags } from '../protocol/tag-fields.ts';
import { readInventory } from '../query/query.ts';
import { backupStorageUuid, imageExample } from './image-examples.ts';
import { guestChanges, rootGuestFields } from './image-fields.ts';
import { requireBackupStorage } from './image-words.ts';
import { readySnapshot } from './snapshot-words.ts';
import { onVolume } from './volume-words.ts';

const snapshotUuid = '5d4c3b2a190f48e7d6c5b4a392817065';

/** What an image says of what is in it. */
type Facts = Partial<Omit<NewTemplate, 'diskFormat'>>;

interface Wanted extends Tags {
  snapshotUuid: string;
  name: string;
  description?: string;
  backupStorageUuids: string[];
  resourceUuid?: string;
}

/** An image of a snapshot; `more` says what kind of image. */
function templateOperation<Fields extends Record<string, TSchema>>(about: {
  id: string;
  path: string;
  title: string;
  summary: string;
  mediaType: string;
  fields: Fields;
  more(cloud: Cloud, volumeId: string, input: object): Promise<Facts>;
}): AnyOperation {
  const { fields, more, mediaType, ...shown } = about;
  return jobOperation({
    ...shown,
    creates: 'image',
    group: 'Image',
    package: 'header.image',
    method: 'POST',
    since: '0.6',
    allow: 'member',
    timeoutSeconds: 72 * 3600,
    params: uuidIn('snapshotUuid', 'The snapshot.'),
    body: T.Object({
      name: nameField,
      description: descriptionField,
      backupStorageUuids: T.Array(T.String({ maxLength: 64 }), {
        minItems: 1,
        maxItems: 100,
        description: 'The backup storages that shall have it.',
      }),
      ...fields,
    }),
    result: image,
    response: T.Object({ failures: T.Optional(T.Array(T.Unknown())) }),
    examples: [
      {
        title: 'With a name',
        params: { snapshotUuid },
        body: { params: { name: imageExample.name, backupStorageUuids: [backupStorageUuid] } },
        status: 200,
        response: {
          inventory: { ...imageExample, mediaType, url: `volumesnapshot://${snapshotUuid}` },
          success: true,
        },
      },
    ],
    handle: ({ cloud, subject, input }) => makeTemplate(cloud, subject, input as unknown as Wanted, more),
  });
}

async function makeTemplate(
  cloud: Cloud,
  subject: Subject,
  input: Wanted,
  more: (cloud: Cloud, volumeId: string, input: object) => Promise<Facts>,
) {
  requireBackupStorage(cloud, input.backupStorageUuids);
  const { id, volumeId } = await readySnapshot(cloud, subject, 'snapshotUuid', input.snapshotUuid);
  const template: NewTemplate = {
    ...(await more(cloud, volumeId, input)),
    id: input.resourceUuid,
    name: input.name,
    description: input.description ?? null,
    diskFormat: 'qcow2',
    storeIds: input.backupStorageUuids,
  };
  const made = await onVolume(id, () => cloud.blockStorage.uploadSnapshot(subject, id, template));
  return { actionId: made.actionId, uuid: made.image.id };
}

/** What the server whose root volume it is, or was, says of the system in it, where nothing is said. */
async function guestOf(cloud: Cloud, volumeId: string): Promise<{ guest: Record<string, unknown>; isOwned: boolean }> {
  const of = await readInventory(cloud, volume, volumeId);
  const owner = of?.['vmInstanceUuid'];
  const serverId = owner ?? of?.['lastVmInstanceUuid'];
  const vm = serverId ? await readInventory(cloud, vmInstance, String(serverId)) : undefined;
  return { guest: vm ?? {}, isOwned: Boolean(owner) };
}

export const snapshotTemplateOperations = [
  templateOperation({
    id: 'CreateRootVolumeTemplateFromVolumeSnapshot',
    path: '/images/root-volume-templates/from/volume-snapshots/{snapshotUuid}',
    title: 'Create a root volume image from a snapshot',
    summary: 'Makes an image of a root volume as it was when the snapshot was made. The snapshot stays.',
    mediaType: 'RootVolumeTemplate',
    fields: rootGuestFields,
    async more(cloud, volumeId, input) {
      const given = input as Parameters<typeof guestChanges>[0] & Tags;
      const { guest, isOwned } = await guestOf(cloud, volumeId);
      const architecture = (given.architecture ?? guest['architecture']) as typeof given.architecture;
      const virtio = isOwned ? undefined : given.virtio;
      return {
        ...guestChanges({ ...given, architecture, virtio }, given.systemTags),
        platform: given.platform ?? String(guest['platform'] ?? 'Linux'),
        guestOs: given.guestOsType ?? (guest['guestOsType'] as string | undefined) ?? null,
      };
    },
  }),
  templateOperation({
    id: 'CreateDataVolumeTemplateFromVolumeSnapshot',
    path: '/images/data-volume-templates/from/volume-snapshots/{snapshotUuid}',
    title: 'Create a data volume image from a snapshot',
    summary: 'Makes an image of a data volume as it was when the snapshot was made. The snapshot stays.',
    mediaType: 'DataVolumeTemplate',
    fields: {},
    more: async () => ({ mediaType: 'data' }),
  }),
];
