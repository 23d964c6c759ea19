import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Volume } from '../../../cloud/volumes/model.ts';
import { image } from '../inventories/image.ts';
import { backupStorage } from '../inventories/storage.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import type { ErrorBody } from '../protocol/error-codes.ts';
import { descriptionField, nameField, uuidField, uuidIn, uuidListField } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { errorBody, failureOf, invalidArgument, operationFailed } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { readInventory } from '../query/query.ts';
import { backupStorageUuid, imageExample } from './image-examples.ts';
import { guestChanges, rootGuestFields } from './image-fields.ts';
import { requireBackupStorage } from './image-words.ts';
import { snapshotTemplateOperations } from './snapshot-templates.ts';
import { readySnapshot } from './snapshot-words.ts';
import { stateProblem } from './vm-words.ts';
import { dataVolume, onVolume, volumeNamed } from './volume-words.ts';

const message = 'org.zstack.header.image.APICreateRootVolumeTemplateFromRootVolumeMsg';
const allowedStates = ['Running', 'Stopped', 'Paused'];

const createRootVolumeTemplate = jobOperation({
  id: 'CreateRootVolumeTemplateFromRootVolume',
  creates: 'image',
  anySystemTags: true,
  group: 'Image',
  package: 'header.image',
  method: 'POST',
  path: '/images/root-volume-templates/from/volumes/{rootVolumeUuid}',
  since: '0.6',
  allow: 'member',
  timeoutSeconds: 72 * 3600,
  params: uuidIn('rootVolumeUuid', 'The root volume of a server.'),
  body: T.Object({
    name: nameField,
    description: descriptionField,
    ...rootGuestFields,
    backupStorageUuids: uuidListField(
      'The backup storages that shall have it; one of the volume’s zone where left out.',
    ),
  }),
  result: image,
  describeFailure: (cause, { rootVolumeUuid }) => failedOnAll(rootVolumeUuid ?? '', cause),
  title: 'Create a root volume image from a root volume',
  summary:
    'Makes an image of the root volume of a server as it is at one moment. The server may run, be paused or be stopped, and stays as it is.',
  examples: [
    {
      title: 'With a name and a platform',
      params: { rootVolumeUuid: '0a5a3c9eb1ff41e8a09a3f3f8a3f2c77' },
      body: {
        params: { name: 'TinyLinux', platform: 'Linux', backupStorageUuids: [backupStorageUuid] },
        systemTags: [],
        userTags: [],
      },
      status: 200,
      response: {
        inventory: { ...imageExample, url: 'volume://0a5a3c9eb1ff41e8a09a3f3f8a3f2c77' },
        success: true,
      },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { rootVolumeUuid } = input;
    requireBackupStorage(cloud, input.backupStorageUuids);
    requireRoom(cloud, input.backupStorageUuids);
    const root = await rootVolume(cloud, subject, rootVolumeUuid);
    const server = await cloud.servers.get(subject, root.serverId!);
    const vm = await readInventory(cloud, vmInstance, server.id);
    if (!allowedStates.includes(String(vm?.['state']))) {
      const cause = stateProblem(String(vm?.['state']), message, allowedStates);
      throw failureOf(failedOnAll(rootVolumeUuid, cause));
    }
    const architecture = input.architecture ?? vm!['architecture'];
    const about = { ...input, architecture, virtio: undefined } as typeof input;
    const made = await cloud.servers.createImage(subject, server.id, {
      ...guestChanges(about, input.systemTags),
      id: input.resourceUuid,
      name: input.name,
      description: input.description ?? null,
      platform: input.platform ?? String(vm!['platform']),
      guestOs: input.guestOsType ?? (vm!['guestOsType'] as string | undefined) ?? null,
      storeIds: input.backupStorageUuids,
    });
    return { actionId: made.actionId, uuid: made.image.id, about: { rootVolumeUuid } };
  },
});

/** Where none is named, the engine says that there is none. */
function requireRoom({ imageStores }: Cloud, uuids: readonly string[] = []): void {
  if (uuids.length === 0 || uuids.some((uuid) => imageStores.takesImages(imageStores.get(uuid)))) return;
  const problems = uuids.map((uuid) => `backup storage[uuid:${uuid}] is not Enabled, or not Connected`);
  throw operationFailed(
    `unable to allocate backup storage specified by uuids[${uuids.join(', ')}], list errors are: ${problems.join('; ')}`,
  );
}

async function rootVolume(cloud: Cloud, subject: Subject, uuid: string): Promise<Volume> {
  const volume = await volumeNamed(cloud, subject, 'rootVolumeUuid', uuid);
  if (volume.kind !== 'root') throw invalidArgument(`volume[uuid:${uuid}] is not root volume`);
  if (volume.status === 'creating') throw operationFailed(`volume[uuid:${uuid}] is not Ready, it's Creating`);
  if (volume.diskId === null) throw operationFailed(`volume[uuid:${uuid}] is not Ready, it's NotInstantiated`);
  if (!volume.serverId) throw operationFailed(`root volume[uuid:${uuid}] is not attached to any vm`);
  return volume;
}

/** One of the causes is told: that of the last backup storage that was tried. */
function failedOnAll(rootVolumeUuid: string, cause: ErrorBody): ErrorBody {
  const details = `failed to create image from root volume[uuid:${rootVolumeUuid}] on all backup storage, see cause for one of errors`;
  return errorBody('SYS.1006', details, { cause });
}

const origins = {
  volumeUuid: 'The volume that the image is to be made of.',
  volumeSnapshotUuid: 'The snapshot that it is to be made of.',
} as const;

/** The zone of what an image is to be made of: exactly one of the two. */
async function zoneOfOrigin(
  cloud: Cloud,
  subject: Subject,
  { volumeUuid, volumeSnapshotUuid }: { volumeUuid?: string; volumeSnapshotUuid?: string },
): Promise<string> {
  if (volumeUuid && volumeSnapshotUuid) {
    throw invalidArgument('either volumeUuid or volumeSnapshotUuid can be set, not both');
  }
  if (volumeUuid) return (await volumeNamed(cloud, subject, 'volumeUuid', volumeUuid)).zoneId;
  if (!volumeSnapshotUuid) throw invalidArgument('either volumeUuid or volumeSnapshotUuid must be set');
  const { hostId } = await readySnapshot(cloud, subject, 'volumeSnapshotUuid', volumeSnapshotUuid);
  return (await cloud.hosts.get(hostId!)).zoneId;
}

/** Where an image of a volume or a snapshot can be put; the same at three paths. */
const getCandidates = (id: string, path: string, named?: keyof typeof origins) => {
  const origin = { [named ?? 'volumeUuid']: '0a5a3c9eb1ff41e8a09a3f3f8a3f2c77' };
  return syncOperation({
    id,
    group: 'Image',
    package: 'header.image',
    method: 'GET',
    path,
    since: '0.6',
    allow: 'member',
    params: named && uuidIn(named, origins[named]),
    query: named
      ? undefined
      : T.Object({
          volumeUuid: uuidField(origins.volumeUuid),
          volumeSnapshotUuid: uuidField(origins.volumeSnapshotUuid),
        }),
    response: T.Object({ inventories: T.Array(inventorySchema(backupStorage)) }),
    title: 'Get backup storage that can take an image',
    summary:
      'The backup storages in which an image of a volume or a snapshot can be put: enabled, connected, and of its zone.',
    examples: [
      {
        title: named === 'volumeSnapshotUuid' ? 'For a snapshot' : 'For a root volume',
        ...(named ? { params: origin } : { query: origin }),
        status: 200,
        response: {
          inventories: [{ uuid: backupStorageUuid, name: 'default', state: 'Enabled', status: 'Connected' }],
        },
      },
    ],
    handle: async ({ cloud, subject, input }) => {
      const zoneId = await zoneOfOrigin(cloud, subject, input);
      const usable = cloud.imageStores.list().filter((store) => cloud.imageStores.takesImages(store));
      const near = usable.filter(({ zoneIds }) => zoneIds.includes(zoneId));
      const found = await Promise.all(near.map(({ id: store }) => readInventory(cloud, backupStorage, store)));
      return { inventories: found.filter((one) => one !== undefined) };
    },
  });
};

const createDataVolumeTemplate = jobOperation({
  id: 'CreateDataVolumeTemplateFromVolume',
  creates: 'image',
  anySystemTags: true,
  group: 'Image',
  package: 'header.image',
  method: 'POST',
  path: '/images/data-volume-templates/from/volumes/{volumeUuid}',
  since: '0.6',
  allow: 'member',
  timeoutSeconds: 72 * 3600,
  params: uuidIn('volumeUuid', 'A data volume.'),
  body: T.Object({
    name: nameField,
    description: descriptionField,
    backupStorageUuids: uuidListField(
      'The backup storages that shall have it; one of the volume’s zone where left out.',
    ),
  }),
  result: image,
  title: 'Create a data volume image from a data volume',
  summary: 'Makes an image of a data volume as it is at one moment, also while a server has it.',
  examples: [
    {
      title: 'With a name',
      params: { volumeUuid: '7e6d5c4b3a2f41908f7e6d5c4b3a2f1e' },
      body: { params: { name: 'data' } },
      status: 200,
      response: {
        inventory: {
          ...imageExample,
          name: 'data',
          mediaType: 'DataVolumeTemplate',
          url: 'volume://7e6d5c4b3a2f41908f7e6d5c4b3a2f1e',
        },
        success: true,
      },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { volumeUuid } = input;
    requireBackupStorage(cloud, input.backupStorageUuids);
    const { diskId, status } = await dataVolume(cloud, subject, 'volumeUuid', volumeUuid);
    if (!diskId || status === 'creating')
      throw operationFailed(`volume[uuid:${volumeUuid}] is not Ready, it's Creating`);
    const template = {
      id: input.resourceUuid,
      name: input.name,
      description: input.description ?? null,
      mediaType: 'data' as const,
      diskFormat: 'qcow2' as const,
      storeIds: input.backupStorageUuids,
    };
    const upload = () => cloud.blockStorage.uploadImage(subject, volumeUuid, template, { force: true });
    const made = await onVolume(volumeUuid, upload);
    return { actionId: made.actionId, uuid: made.image.id };
  },
});

export const imageTemplateOperations = [
  createRootVolumeTemplate,
  createDataVolumeTemplate,
  ...snapshotTemplateOperations,
  getCandidates('GetCandidateBackupStorageForCreatingImage', '/images/candidate-backup-storage'),
  getCandidates(
    'GetCandidateBackupStorageForCreatingImageByUuid',
    '/images/volumes/{volumeUuid}/candidate-backup-storage',
    'volumeUuid',
  ),
  getCandidates(
    'GetBackupStorageForCreatingImageFromVolumeSnapshot',
    '/images/volume-snapshots/{volumeSnapshotUuid}/candidate-backup-storage',
    'volumeSnapshotUuid',
  ),
];
