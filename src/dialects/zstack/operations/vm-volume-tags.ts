import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { checkTags, keepTags } from '../protocol/system-tags.ts';

const tags = (description: string) =>
  T.Optional(T.Array(T.String({ maxLength: 2048 }), { maxItems: 100, description }));

/** What requests for servers say of the tags of their volumes. */
export const volumeTagFields = {
  rootVolumeSystemTags: tags('System tags of its root volume.'),
  dataVolumeSystemTags: tags('System tags of each of its data volumes.'),
};

export interface VolumeTags {
  rootVolumeSystemTags?: string[];
  dataVolumeSystemTags?: string[];
}

/** Checks the tags before anything is made. */
export async function checkVolumeTags(cloud: Cloud, subject: Subject, asked: VolumeTags): Promise<void> {
  const systemTags = [...(asked.rootVolumeSystemTags ?? []), ...(asked.dataVolumeSystemTags ?? [])];
  await checkTags(cloud, subject, 'volume', { systemTags });
}

/** Puts the tags on those volumes that the server has by now. */
export async function keepVolumeTags(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  { rootVolumeSystemTags = [], dataVolumeSystemTags = [] }: VolumeTags,
): Promise<void> {
  if (rootVolumeSystemTags.length + dataVolumeSystemTags.length === 0) return;
  const tagsOfKind: Partial<Record<string, string[]>> = { root: rootVolumeSystemTags, data: dataVolumeSystemTags };
  for (const { id, kind } of await cloud.volumes.ofServer(serverId)) {
    await keepTags(cloud, subject, 'volume', id, { systemTags: tagsOfKind[kind] });
  }
}

/**
 * Puts the tags on the volumes of servers that are being built: on those that there are, and on the others when the
 * servers are there. Gives what is done then, if anything.
 */
export async function tagVolumesOf(
  cloud: Cloud,
  subject: Subject,
  serverIds: readonly string[],
  asked: VolumeTags,
): Promise<{ afterwards?: () => Promise<void> }> {
  if (![asked.rootVolumeSystemTags, asked.dataVolumeSystemTags].some((tags) => tags && tags.length > 0)) return {};
  const keep = async () => {
    for (const id of serverIds) await keepVolumeTags(cloud, subject, id, asked);
  };
  await keep();
  return { afterwards: keep };
}
