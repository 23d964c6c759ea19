import { type Static, Type as T } from 'typebox';
import type { ImageChanges, MediaType } from '../../../cloud/images/model.ts';
import { architectures, booleanField, oneOfField, platforms, textField } from '../protocol/field-schemas.ts';
import { systemTagValues } from '../protocol/system-tags.ts';

export const mediaTypes = ['RootVolumeTemplate', 'ISO', 'DataVolumeTemplate'] as const;
const engineMediaTypes: Record<(typeof mediaTypes)[number], MediaType> = {
  RootVolumeTemplate: 'root',
  ISO: 'iso',
  DataVolumeTemplate: 'data',
};

/** What may be said of the system in an image. */
export const guestFields = {
  guestOsType: textField('The operating system in it, as CentOS 8.'),
  platform: oneOfField(platforms, 'The kind of system: decides which devices a guest gets.'),
  architecture: oneOfField(architectures, 'The processors it is for.'),
  virtio: booleanField('Whether its guest has virtio drivers; true where left out.'),
  system: booleanField('Whether it is for the cloud’s own servers only.'),
};

/** The same of an image that is made of a root volume: the server that has the volume says which drivers there are. */
export const rootGuestFields = {
  ...guestFields,
  virtio: booleanField('Accepted; what the server has decides, if the volume is a server’s.'),
};

const Fields = T.Object({ ...guestFields, mediaType: oneOfField(mediaTypes, 'What it is for.') });
type Fields = Static<typeof Fields>;

/** The engine's changes for the fields that were given. `properties` are those that the image has so far. */
export function guestChanges(
  fields: Fields,
  systemTags: readonly string[] | undefined,
  properties: Readonly<Record<string, string>> = {},
): ImageChanges {
  const changes: ImageChanges = { properties: withHardware(fields, systemTags, properties) };
  if (fields.platform !== undefined) changes.platform = platformOf(fields.platform);
  if (fields.guestOsType !== undefined) changes.guestOs = fields.guestOsType;
  if (fields.system !== undefined) changes.isSystem = fields.system;
  if (fields.mediaType !== undefined) changes.mediaType = engineMediaTypes[fields.mediaType];
  return changes;
}

/** Two of the platforms are older names. */
export function platformOf(platform: (typeof platforms)[number]): string {
  if (platform === 'Paravirtualization') return 'Other';
  return platform === 'WindowsVirtio' ? 'Windows' : platform;
}

/** Says in Glance's well-known properties what the guest's machine has to be like. */
function withHardware(
  { architecture, virtio, platform }: Fields,
  systemTags: readonly string[] | undefined,
  properties: Readonly<Record<string, string>>,
): Record<string, string> {
  const result = { ...properties };
  if (architecture !== undefined) result['architecture'] = architecture;
  const hasDrivers = platform === 'Paravirtualization' || platform === 'WindowsVirtio' ? true : virtio;
  if (hasDrivers === false) Object.assign(result, { hw_disk_bus: 'sata', hw_vif_model: 'e1000' });
  if (hasDrivers === true) {
    delete result['hw_disk_bus'];
    delete result['hw_vif_model'];
  }
  const bootMode = systemTagValues(systemTags, 'bootMode')[0] ?? (architecture === 'aarch64' ? 'UEFI' : undefined);
  if (bootMode !== undefined) result['hw_firmware_type'] = bootMode === 'Legacy' ? 'bios' : 'uefi';
  if (platform?.startsWith('Windows')) result['os_type'] = 'windows';
  return result;
}
