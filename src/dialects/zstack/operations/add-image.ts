import { Type as T } from 'typebox';
import { image } from '../inventories/image.ts';
import { descriptionField, nameField, oneOfField, textField } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { systemTagValues } from '../protocol/system-tags.ts';
import { errorBody, invalidArgument, operationFailed } from '../protocol/zstack-error.ts';
import { backupStorageUuid, imageExample } from './image-examples.ts';
import { guestChanges, guestFields, mediaTypes } from './image-fields.ts';
import { requireBackupStorage } from './image-words.ts';

const formats = ['qcow2', 'raw', 'iso', 'vmdk', 'vdi', 'vhd', 'vhdx'];
const schemes = /^(https?|file|upload):\/\/|^\//;
/** How long an upload may be silent that nobody sends, seconds: the dialect's default. */
const uploadIdleSeconds = 30;

export const addImage = jobOperation({
  id: 'AddImage',
  creates: 'image',
  group: 'Image',
  package: 'header.image',
  method: 'POST',
  path: '/images',
  since: '0.6',
  allow: 'member',
  timeoutSeconds: 72 * 3600,
  body: T.Object({
    name: nameField,
    description: descriptionField,
    url: T.String({
      maxLength: 1024,
      description:
        'Where the file is: http:// or https://; for administrators also file:///. With upload://<name> it is sent to the ' +
        'URL that is its install path at first, whole or in slices.',
    }),
    mediaType: oneOfField(mediaTypes, 'What it is for; RootVolumeTemplate where left out.'),
    ...guestFields,
    format: textField('The format of the file; found out from its content where left out.', 32),
    backupStorageUuids: T.Array(T.String({ maxLength: 64 }), {
      minItems: 1,
      maxItems: 100,
      description: 'The backup storages that shall have it.',
    }),
    type: textField('Always zstack.', 32),
  }),
  result: image,
  describeFailure: (cause, { name, backupStorageUuids }) =>
    errorBody(
      'SYS.1002',
      `Failed to download image[name:${name ?? ''}] on all backup storage[${backupStorageUuids ?? ''}].`,
      { cause: errorBody('BS.1000', cause.details, { cause }) },
    ),
  title: 'Add an image',
  summary:
    'Downloads an image into backup storages. Its format is checked, whatever was said of it; of an image that can not be downloaded nothing stays.',
  examples: [
    {
      title: 'From a web server',
      body: {
        params: {
          name: 'TinyLinux',
          url: imageExample.url,
          mediaType: 'RootVolumeTemplate',
          format: 'qcow2',
          platform: 'Linux',
          guestOsType: 'Linux',
          backupStorageUuids: [backupStorageUuid],
        },
      },
      status: 200,
      response: { inventory: imageExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input, origin }) => {
    const { name, url, format, backupStorageUuids } = input;
    checkRequest(input);
    requireBackupStorage(cloud, backupStorageUuids);
    requireUsableStorage(
      backupStorageUuids.some((uuid) => cloud.imageStores.takesImages(cloud.imageStores.get(uuid))),
      backupStorageUuids,
    );
    const isData = input.mediaType === 'DataVolumeTemplate';
    const wanted = {
      ...guestChanges({ ...input, platform: input.platform ?? (isData ? undefined : 'Linux') }, input.systemTags),
      id: input.resourceUuid,
      name,
      description: input.description ?? null,
      visibility: 'private' as const,
      diskFormat: input.mediaType === 'ISO' ? 'iso' : format,
      containerFormat: 'bare',
      sourceUrl: withoutPassword(url),
    };
    if (url.startsWith('upload://')) {
      const upload = { storeIds: backupStorageUuids, idleSeconds: uploadIdleSeconds, origin };
      const { id } = await cloud.images.partUploads.add(subject, wanted, upload);
      return { uuid: id };
    }
    const added = await cloud.images.imports.add(subject, wanted, { url, storeIds: backupStorageUuids });
    const about = { name, backupStorageUuids: backupStorageUuids.join(', ') };
    return { actionId: added.actionId, uuid: added.image.id, about };
  },
});

function checkRequest(input: {
  url: string;
  format?: string;
  type?: string;
  system?: boolean;
  mediaType?: string;
  systemTags?: string[];
}) {
  const { url, format, type } = input;
  if (!schemes.test(url)) {
    throw invalidArgument("url must starts with 'file:///', 'http://', 'https://'， 'ftp://', 'sftp://' or '/'");
  }
  if (format !== undefined && !formats.includes(format)) throw invalidArgument(`unknown format[${format}]`);
  if (type !== undefined && type !== 'zstack') throw invalidArgument(`unsupported image type[${type}]`);
  if (input.system && input.mediaType === 'ISO') throw invalidArgument('ISO cannot be used as system image');
  const bootModes = systemTagValues(input.systemTags, 'bootMode');
  if (bootModes.length > 1) {
    throw invalidArgument(`only one bootMode system tag is allowed, but ${bootModes.length} got`);
  }
}

function requireUsableStorage(isAnyUsable: boolean, uuids: readonly string[]): void {
  if (isAnyUsable) return;
  throw operationFailed(
    `no backup storage specified in uuids[${uuids.join(', ')}] is available for adding this image; they are not in status ` +
      'Connected or not in state Enabled, or the uuid is invalid backup storage uuid',
  );
}

/** Others may see where an image came from, but not the password that it took. */
function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/[^/@:]*):[^/@]*@/, '$1:*****@');
}
