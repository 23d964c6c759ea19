import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { NewTag, TaggableType } from '../../../cloud/tags/model.ts';
import { isTooLong, refuseLong } from '../../../cloud/tags/tag-length.ts';
import type { Tags } from './tag-fields.ts';
import { invalidArgument, resourceNotFound, ZStackError } from './zstack-error.ts';

/** What an operation makes: a kind of resource that can have tags, or something else. */
export type Created = TaggableType | 'untagged';

/** The first words of the system tags that say how a listener of a load balancer is. */
export const listenerNotations = [
  'balancerAlgorithm',
  'connectionIdleTimeout',
  'cookieName',
  'healthCheckInterval',
  'healthCheckParameter',
  'healthCheckTarget',
  'healthCheckTimeout',
  'healthyThreshold',
  'httpMode',
  'maxConnection',
  'sessionIdleTimeout',
  'sessionPersistence',
  'tcpProxyProtocol',
  'unhealthyThreshold',
] as const;

/** The first words of system tags that mean something to ZStack's servers or their consoles. */
const knownNotations = [
  ...listenerNotations,
  'additionalQmp',
  'affinityGroupUuid',
  'balancerWeight',
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
  'nfs',
  'packer',
  'pciDevice',
  'pciDeviceSpec',
  'platform',
  'primaryStorageUuid',
  'primaryStorageUuidForDataVolume',
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
const notKept = ['affinityGroupUuid', 'consolePassword', ...listenerNotations] as const;

/** User data that is longer than a tag can be is the server's alone. */
function isKept(tag: string): boolean {
  if (tag.startsWith('userdata::') && isTooLong(tag)) return false;
  return !notKept.some((notation) => tag.startsWith(`${notation}::`));
}

/** Refuses system tags that no part of ZStack knows: unlike user tags they are not free text. */
function requireKnownSystemTag(tag: string): void {
  const notation = tag.split('::', 1)[0]!;
  if ((knownNotations as readonly string[]).includes(notation)) return;
  throw invalidArgument(`no system tag matches[${tag}]`);
}

/** As `requireKnownSystemTag`, for a tag by itself: those that say how a listener works change with it only. */
export function requireSettableSystemTag(tag: string): void {
  requireKnownSystemTag(tag);
  const notation = tag.split('::', 1)[0]!;
  if (!([...listenerNotations, 'balancerWeight'] as readonly string[]).includes(notation)) return;
  const operation = `Change${notation === 'balancerWeight' ? 'LoadBalancerBackendServer' : 'LoadBalancerListener'}`;
  throw new ZStackError('SYS.1014', `tag[${tag}] by itself would change nothing, ${operation} does`);
}

/** The values of all tags of a notation, as `['eth0::10.0.0.5']` for `staticIp`. */
export function systemTagValues(tags: readonly string[] | undefined, notation: string): string[] {
  const prefix = `${notation}::`;
  return (tags ?? []).filter((tag) => tag.startsWith(prefix)).map((tag) => tag.slice(prefix.length));
}

/** Checks the tags that came with the request for a new resource, before anything is made. */
export async function checkTags(
  cloud: Cloud,
  subject: Subject,
  creates: Created,
  { systemTags = [], userTags = [], tagUuids = [] }: Tags,
): Promise<void> {
  for (const tag of systemTags) requireKnownSystemTag(tag);
  for (const tag of [...systemTags.filter(isKept), ...userTags]) refuseLong(tag);
  if (tagUuids.length === 0) return;
  if (creates === 'untagged') throw invalidArgument('field[tagUuids] must be empty: this can have no tags');
  for (const uuid of tagUuids) {
    await inPatternWords(uuid, 'tagUuids', () => cloud.tags.patterns.requireSimple(subject, uuid));
  }
}

/** Puts the tags that came with a request on what it made. */
export async function keepTags(
  cloud: Cloud,
  subject: Subject,
  resourceType: Created,
  resourceId: string,
  { systemTags = [], userTags = [], tagUuids = [] }: Tags,
): Promise<void> {
  if (resourceType === 'untagged') return;
  const on = { resourceType, resourceId };
  const kept = systemTags.filter(isKept);
  const tags: NewTag[] = [
    ...kept.map((tag) => ({ ...on, kind: 'system' as const, tag })),
    ...userTags.map((tag) => ({ ...on, kind: 'user' as const, tag })),
  ];
  await cloud.tags.addAll(subject, tags);
  for (const uuid of new Set(tagUuids)) {
    await inPatternWords(uuid, 'tagUuids', () => cloud.tags.patterns.attach(subject, uuid, [resourceId]));
  }
}

/** What goes wrong with a tag pattern, as ZStack says it. */
export async function inPatternWords<Result>(
  uuid: string,
  field: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const { resource, id, reason } = error.details;
    if (error.code === 'not_found') {
      if (resource === 'tag_pattern') throw resourceNotFound(field, uuid, 'TagPatternVO');
      throw resourceNotFound('resourceUuids', id ?? '', 'ResourceVO');
    }
    if (error.code === 'duplicate') throw new ZStackError('TAG.1001', `duplicated tag for the resource[uuid:${id}]`);
    if (error.code === 'invalid' || reason === 'too_many') throw invalidArgument(error.message);
    throw error;
  }
}
