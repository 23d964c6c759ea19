import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { NewTag, TaggableType } from '../../../cloud/tags/model.ts';
import type { Tags } from '../protocol/operation.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';

/** The first words of system tags that mean something to ZStack's servers or their consoles. */
const knownNotations = [
  'additionalQmp',
  'affinityGroupUuid',
  'bootMode',
  'bootOrder',
  'capability',
  'cdroms',
  'ceph',
  'cleanTraffic',
  'consoleMode',
  'consolePassword',
  'cpuMode',
  'driver',
  'ephemeral',
  'guestOsType',
  'guestTools',
  'ha',
  'hostname',
  'isoDriver',
  'l3',
  'machineType',
  'marketplace',
  'mdevDevice',
  'packer',
  'pciDevice',
  'pciDeviceSpec',
  'platform',
  'primaryStorageUuid',
  'qemuga',
  'resourceConfig',
  'securityElementEnable',
  'sshkey',
  'staticIp',
  'usbRedirect',
  'userdata',
  'vdiMonitorNumber',
  'virtio',
  'volumeProvisioningStrategy',
  'vmPriority',
  'xmlHook',
] as const;

/** What these say is kept where it belongs, and can change there. */
const notKept = ['affinityGroupUuid'] as const;

/** Refuses system tags that no part of ZStack knows: unlike user tags they are not free text. */
export function requireKnownSystemTag(tag: string): void {
  const notation = tag.split('::', 1)[0]!;
  if ((knownNotations as readonly string[]).includes(notation)) return;
  throw invalidArgument(`no system tag matches[${tag}]`);
}

/** The values of all tags of a notation, as `['eth0::10.0.0.5']` for `staticIp`. */
export function systemTagValues(tags: readonly string[] | undefined, notation: string): string[] {
  const prefix = `${notation}::`;
  return (tags ?? []).filter((tag) => tag.startsWith(prefix)).map((tag) => tag.slice(prefix.length));
}

/** Checks the tags that came with the request for a new resource, before anything is made. */
export function checkTags({ systemTags }: Tags): void {
  for (const tag of systemTags ?? []) requireKnownSystemTag(tag);
}

/** Puts the tags that came with a request on its resource. */
export async function keepTags(
  cloud: Cloud,
  subject: Subject,
  resourceType: TaggableType,
  resourceId: string,
  { systemTags = [], userTags = [] }: Tags,
): Promise<void> {
  const on = { resourceType, resourceId };
  const kept = systemTags.filter((tag) => !notKept.some((notation) => tag.startsWith(`${notation}::`)));
  const tags: NewTag[] = [
    ...kept.map((tag) => ({ ...on, kind: 'system' as const, tag })),
    ...userTags.map((tag) => ({ ...on, kind: 'user' as const, tag })),
  ];
  await cloud.tags.addAll(subject, tags);
}
