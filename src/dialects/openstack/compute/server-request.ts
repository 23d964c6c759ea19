import { Type } from 'typebox';
import type { Call } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { projectOf } from '../../../cloud/identity/subject.ts';
import type { BlockDevice } from '../../../cloud/servers/block-devices.ts';
import type { NewServer } from '../../../cloud/servers/creation.ts';
import type { Env } from '../../../env/env.ts';
import { LegacyBlockDeviceMapping, legacyBlockDevices, refuseBothForms } from './legacy-block-devices.ts';
import { invalidField, isLegacy, type KnownIn, knownMembers, minorOf } from './microversions.ts';
import { readHints, SchedulerHints } from './scheduler-hints.ts';
import {
  canonicalIpv6,
  Hostname,
  hostnameOf,
  placeOf,
  refuseCertificates,
  TrustedCertificates,
} from './server-later-members.ts';
import { checkMetadata } from './server-metadata-rules.ts';
import {
  accessIPv4,
  accessIPv6,
  adminPass,
  description,
  diskConfig,
  metadata,
  name,
  personality,
  userData,
} from './server-schemas.ts';
import { checkTagNames, DeviceTag, TagNames } from './server-tag-names.ts';
import {
  BooleanOrWord,
  booleanOf,
  closed,
  flavorIdOf,
  imageIdOf,
  integerOf,
  NumberOrText,
  type Of,
  TextOrNull,
  uuidOf,
} from './wire.ts';

const NetworkRequest = closed({
  uuid: Type.Optional(Type.String({ description: 'The network.' })),
  port: Type.Optional(TextOrNull),
  fixed_ip: Type.Optional(Type.String({ description: 'An address of the network.' })),
  tag: Type.Optional(DeviceTag),
});

const BlockDeviceMapping = closed({
  boot_index: Type.Optional(Type.Unsafe<number | string | null>({ type: ['integer', 'string', 'null'] })),
  source_type: Type.Optional(
    Type.Union([Type.Literal('volume'), Type.Literal('image'), Type.Literal('snapshot'), Type.Literal('blank')]),
  ),
  destination_type: Type.Optional(Type.Union([Type.Literal('local'), Type.Literal('volume')])),
  uuid: Type.Optional(Type.String()),
  image_id: Type.Optional(Type.String()),
  volume_id: Type.Optional(Type.String()),
  snapshot_id: Type.Optional(Type.String()),
  volume_size: Type.Optional(Type.Unsafe<number | string | null>({ type: ['integer', 'string', 'null'] })),
  delete_on_termination: Type.Optional(BooleanOrWord),
  device_name: Type.Optional(TextOrNull),
  disk_bus: Type.Optional(TextOrNull),
  device_type: Type.Optional(TextOrNull),
  guest_format: Type.Optional(TextOrNull),
  no_device: Type.Optional(Type.Unknown()),
  tag: Type.Optional(DeviceTag),
  volume_type: Type.Optional(
    Type.Unsafe<string | null>({
      type: ['string', 'null'],
      minLength: 0,
      maxLength: 255,
      description: 'Name or id, of a volume that is made; from 2.67 on.',
    }),
  ),
});

const ServerRequest = closed({
  name,
  flavorRef: NumberOrText,
  imageRef: Type.Optional(Type.String({ description: 'Empty or left out to boot from a volume.' })),
  networks: Type.Optional(
    Type.Unsafe<Array<Of<typeof NetworkRequest>> | string>({
      type: ['array', 'string'],
      items: NetworkRequest,
      description: 'From 2.37 on required, and may be `auto` or `none`.',
    }),
  ),
  security_groups: Type.Optional(Type.Array(closed({ name: Type.String({ minLength: 1, maxLength: 255 }) }))),
  key_name: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  user_data: Type.Optional(userData),
  config_drive: Type.Optional(
    Type.Unsafe<boolean | string | null>({ type: ['boolean', 'string', 'null'], description: 'A boolean.' }),
  ),
  metadata: Type.Optional(metadata),
  personality,
  adminPass,
  availability_zone: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  block_device_mapping_v2: Type.Optional(Type.Array(BlockDeviceMapping)),
  block_device_mapping: Type.Optional(
    Type.Array(LegacyBlockDeviceMapping, { description: 'The form of old clients; not beside the other one.' }),
  ),
  min_count: Type.Optional(NumberOrText),
  max_count: Type.Optional(NumberOrText),
  return_reservation_id: Type.Optional(BooleanOrWord),
  'OS-DCF:diskConfig': diskConfig,
  accessIPv4,
  accessIPv6,
  description,
  tags: Type.Optional(TagNames),
  trusted_image_certificates: Type.Optional(TrustedCertificates),
  host: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'For administrators; from 2.74 on.' })),
  hypervisor_hostname: Type.Optional(
    Type.String({ minLength: 1, maxLength: 255, description: 'For administrators; from 2.74 on.' }),
  ),
  hostname: Type.Optional(Hostname),
});

export const CreateServerBody = closed({
  server: ServerRequest,
  'os:scheduler_hints': SchedulerHints,
  'OS-SCH-HNT:scheduler_hints': SchedulerHints,
});

export type CreateServerRequest = Of<typeof CreateServerBody>;
type Asked = Pick<Call, 'cloud' | 'subject' | 'context'>;

const knownIn: { [K in keyof Of<typeof ServerRequest>]?: KnownIn } = {
  personality: [1, 56],
  description: [19],
  tags: [52],
  trusted_image_certificates: [63],
  host: [74],
  hypervisor_hostname: [74],
  hostname: [90],
};

/** What a create request asks for, in the engine's terms. Throws `invalid` in Nova's words. */
export async function readCreateRequest(
  call: Asked,
  body: CreateServerRequest,
): Promise<{ wanted: NewServer & { adminPass: string }; tags: string[]; wantsReservationId: boolean }> {
  const { context } = call;
  const hints = readHints({ ...body['os:scheduler_hints'], ...body['OS-SCH-HNT:scheduler_hints'] });
  const server = knownMembers(context, 'server', body.server, knownIn);
  await checkMetadata(call, server.metadata);
  await checkPersonality(call, server.personality);
  if (server.user_data !== undefined) checkBase64('user_data', server.user_data);
  refuseCertificates(server.trusted_image_certificates);
  const { tags = [] } = server;
  checkTagNames(tags);
  const minCount = server.min_count === undefined ? 1 : integerOf('min_count', server.min_count, 1);
  const maxCount = server.max_count === undefined ? minCount : integerOf('max_count', server.max_count, 1);
  if (minCount > maxCount) throw new CloudError('invalid', 'min_count must be <= max_count');
  const wanted = {
    name: serverName(context, server.name),
    flavorId: await flavorIdOf(call, server.flavorRef),
    imageId: imageIdOf(context, server.imageRef),
    blockDevices: blockDevicesOf(context, server),
    networks: networksOf(context, server.networks),
    securityGroups: server.security_groups?.map((group) => group.name) ?? [],
    keyName: server.key_name,
    metadata: server.metadata,
    userData: server.user_data,
    configDrive: server.config_drive ? booleanOf('config_drive', server.config_drive) : false,
    ...(await placeOf(call, server)),
    hostname: server.hostname === undefined ? undefined : hostnameOf(context, server.hostname),
    diskConfig: server['OS-DCF:diskConfig'],
    accessIpv4: server.accessIPv4 ?? undefined,
    accessIpv6: server.accessIPv6 ? canonicalIpv6(server.accessIPv6) : undefined,
    description: server.description,
    personality: server.personality,
    adminPass: server.adminPass ?? newPassword(call.cloud.env),
    ...hints,
    minCount,
    maxCount,
  };
  const reservation = server.return_reservation_id ?? false;
  return { wanted, tags, wantsReservationId: booleanOf('return_reservation_id', reservation) };
}

/** `/v2` takes blanks off the ends of a name, `/v2.1` refuses them. */
export function serverName(context: Call['context'], text: string): string {
  const trimmed = text.trim();
  if (trimmed !== '' && (trimmed === text || isLegacy(context))) return trimmed;
  throw invalidField('name', text, `'${text}' must not begin or end with blanks, or be empty`);
}

/** Throws `quota_exceeded` for more or larger files than the project may put into a server, in Nova's words. */
export async function checkPersonality(
  { cloud, subject }: Pick<Call, 'cloud' | 'subject'>,
  files: Array<{ path: string; contents: string }> | undefined,
): Promise<void> {
  if (!files?.length) return;
  const limits = await cloud.quotas.limits(subject, projectOf(subject));
  const check = (name: 'injected_files' | 'injected_file_content_bytes' | 'injected_file_path_bytes', has: number) => {
    if (limits[name] < 0 || has <= limits[name]) return;
    throw new CloudError('quota_exceeded', `Quota exceeded for ${name}, ${has} of ${limits[name]}.`, { reason: name });
  };
  check('injected_files', files.length);
  for (const { path, contents } of files) {
    checkBase64('contents', contents);
    check('injected_file_path_bytes', Buffer.byteLength(path));
    check('injected_file_content_bytes', Buffer.from(contents, 'base64').length);
  }
}

export function checkBase64(field: string, text: string): void {
  if (/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text.replaceAll(/\s/g, ''))) return;
  throw invalidField(field, text.slice(0, 100), "It is not a 'base64'");
}

/** Without letters and digits that are mistaken for each other. */
const passwordCharacters = '23456789ABCDEFGHJKMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz';
const passwordLength = 12;

export function newPassword(env: Pick<Env, 'randomBytes'>): string {
  // Bytes from the last, incomplete round of the alphabet are left out, so that every character is as likely.
  const fair = 256 - (256 % passwordCharacters.length);
  let password = '';
  while (password.length < passwordLength) {
    for (const byte of env.randomBytes(passwordLength)) {
      if (byte < fair && password.length < passwordLength)
        password += passwordCharacters[byte % passwordCharacters.length];
    }
  }
  return password;
}

function networksOf(context: Call['context'], networks: Of<typeof ServerRequest>['networks']): NewServer['networks'] {
  const minor = minorOf(context);
  if (networks === undefined) {
    if (minor < 37) return 'auto';
    throw invalidField('server', {}, "'networks' is a required property");
  }
  if (typeof networks === 'string') {
    if (minor >= 37 && (networks === 'auto' || networks === 'none')) return networks;
    throw invalidField('networks', networks, `'${networks}' is not of type 'array'`);
  }
  return networks.map((network) => {
    const { uuid, port, fixed_ip, tag } = knownMembers(context, 'networks', network, { tag: networkTags(minor) });
    if (uuid === undefined && typeof port !== 'string') {
      throw new CloudError('invalid', 'Bad networks format: network uuid is missing', { field: 'networks' });
    }
    return typeof port === 'string'
      ? { portId: uuidOf('port', port), fixedIp: fixed_ip, tag }
      : { networkId: uuidOf('uuid', uuid!), fixedIp: fixed_ip, tag };
  });
}

/** Nova's schemas lost the tags of networks from 2.37 to 2.41, and those of disks from 2.33 on. */
const networkTags = (minor: number): KnownIn => (minor <= 36 ? [32, 36] : [42]);
const diskTags = (minor: number): KnownIn => (minor <= 32 ? [32, 32] : [42]);

function blockDevicesOf(context: Call['context'], server: Of<typeof ServerRequest>): BlockDevice[] | undefined {
  const { block_device_mapping_v2: mappings, block_device_mapping: legacy } = server;
  refuseBothForms(legacy, mappings);
  if (!legacy?.length) return mappings?.map((mapping) => blockDevice(context, mapping));
  return legacyBlockDevices(legacy, { hasImage: Boolean(server.imageRef), refuseMultiattach: minorOf(context) < 60 });
}

function blockDevice(context: Call['context'], given: Of<typeof BlockDeviceMapping>): BlockDevice {
  const mapping = knownMembers(context, 'block_device_mapping_v2', given, {
    tag: diskTags(minorOf(context)),
    volume_type: [67],
  });
  const source = mapping.source_type ?? sourceOf(mapping);
  const id = mapping.uuid ?? mapping.volume_id ?? mapping.snapshot_id ?? mapping.image_id;
  const index = mapping.boot_index;
  const size = mapping.volume_size == null ? undefined : integerOf('volume_size', mapping.volume_size, 1);
  const destination = mapping.destination_type ?? (source === 'image' ? 'local' : 'volume');
  const local = source === 'blank' && destination === 'local';
  const { guest_format, disk_bus, device_type } = mapping;
  return {
    bootIndex: index === null || index === undefined || Number(index) < 0 ? null : integerOf('boot_index', index, 0),
    source,
    destination,
    id: id === undefined || id === '' ? undefined : uuidOf('uuid', id),
    // Swap disks are measured in MiB.
    ...(local && guest_format === 'swap' ? { sizeMb: size } : { sizeGb: size }),
    ...(local
      ? { guestFormat: guest_format || undefined, bus: disk_bus || undefined, deviceType: device_type || undefined }
      : {}),
    volumeType: mapping.volume_type || undefined,
    tag: mapping.tag,
    deleteOnTermination: booleanOf('delete_on_termination', mapping.delete_on_termination ?? false),
    refuseMultiattach: minorOf(context) < 60,
  };
}

function sourceOf(mapping: Of<typeof BlockDeviceMapping>): BlockDevice['source'] {
  if (mapping.volume_id !== undefined) return 'volume';
  if (mapping.snapshot_id !== undefined) return 'snapshot';
  return mapping.image_id !== undefined ? 'image' : 'blank';
}
