import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Cdrom, NewCdrom } from '../../../cloud/servers/cdroms/cdroms.ts';
import { systemTagValues } from '../protocol/system-tags.ts';
import { invalidArgument, operationFailed, resourceNotFound } from '../protocol/zstack-error.ts';

/** The drive of the examples. */
export const cdRomExample = {
  uuid: '7f3e2d1c0b9a4857869504132e2f1a0b',
  name: 'cdrom-0',
  vmInstanceUuid: '3b9c1c0f2a6d4f7e8f5a1d2c3b4e5f60',
  deviceId: 0,
  isoUuid: '5d8e7f6a4b3c4d2e8f1a0b9c8d7e6f50',
  isoInstallPath: 'iso://5d8e7f6a4b3c4d2e8f1a0b9c8d7e6f50',
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};

export async function cdRomNamed(cloud: Cloud, subject: Subject, uuid: string): Promise<Cdrom> {
  return await cloud.servers.cdroms.get(subject, uuid).catch((error: unknown) => {
    if (error instanceof CloudError && error.code === 'not_found') throw resourceNotFound('uuid', uuid, 'VmCdRomVO');
    throw error;
  });
}

/** Refuses what is no ISO image of which a medium can be made; said of the field that named it. */
export async function requireIso(cloud: Cloud, subject: Subject, uuid: string, field = 'isoUuid'): Promise<void> {
  try {
    await cloud.servers.cdroms.requireIso(subject, uuid);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.code === 'not_found') throw resourceNotFound(field, uuid, 'ImageVO');
    throw invalidArgument(`image[uuid:${uuid}] is not an ISO that is Enabled and Ready`);
  }
}

/** What the engine refuses about drives, in the code that the dialect has for it. */
export async function onDrives<Result>(vmUuid: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError) || error.details.reason !== 'no_room') throw error;
    throw operationFailed(`vm[uuid:${vmUuid}] has as many CD-ROMs as it can have`);
  }
}

/**
 * The drives of a new server, beside that of an ISO image that it is made of: as the tag `cdroms::A::B::C` says, each
 * `Empty`, `None` or an ISO image; else one that is empty.
 */
export async function drivesFor(
  cloud: Cloud,
  subject: Subject,
  { systemTags, isOfIso }: { systemTags?: readonly string[]; isOfIso: boolean },
): Promise<NewCdrom[]> {
  const [said] = systemTagValues(systemTags, 'cdroms');
  const words = (said ?? 'Empty').split('::').filter((word) => word !== 'None');
  if (words.length > 3)
    throw invalidArgument(`invalid system tag[cdroms::${said}], a vm has three CD-ROMs at the most`);
  // The image that it is made of is in the first of those that are empty.
  const place = isOfIso ? words.indexOf('Empty') : -1;
  const drives: NewCdrom[] = [];
  for (const [index, word] of words.entries()) {
    if (index === place) continue;
    if (word !== 'Empty') await requireIso(cloud, subject, word, 'systemTags');
    drives.push(word === 'Empty' ? {} : { imageId: word });
  }
  return drives;
}

/** Takes an ISO image that is about to be deleted out of every drive that has it. */
export async function detachIsoEverywhere(cloud: Cloud, uuid: string): Promise<void> {
  const problems: string[] = [];
  try {
    for (const { actionId } of await cloud.servers.cdroms.takeOut(uuid)) {
      const outcome = await cloud.runner.wait(actionId, { timeoutMs: 60_000 });
      if (outcome?.state !== 'succeeded') problems.push(`the operation[${actionId}] has not succeeded`);
    }
  } catch (error) {
    problems.push((error as Error).message);
  }
  if (problems.length === 0) return;
  throw operationFailed(`detach iso[uuid=${uuid}] from vm failed, errors are ${problems.join('; ')}`);
}
