import { Type } from 'typebox';
import { newId } from '../../../env/env.ts';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import { hostOfVolumes } from '../../volumes/host-of-volumes.ts';
import { contentOf, localDisksOf } from '../local-disks.ts';
import { flavorFacts, rootPlace } from '../schemas.ts';
import { transitions } from '../states.ts';
import { createRootDisk, ensureImageCached } from '../steps/disks.ts';
import { bindPorts, prepareGuest, runningColumns, startGuest } from '../steps/guest.ts';
import { makeNewDisks, newServerDisk } from '../steps/new-disks.ts';
import { chooseHost } from '../steps/placement.ts';
import { faultOf } from '../steps/settle.ts';
import { beginTransition, settleServer, updateServer } from '../transition.ts';

const hasImage = ({ input }: { input: { imageId?: string } }) => input.imageId !== undefined;

const getImageInfo = step<{ imageId?: string }>('getImageInfo', {
  do: ({ services, input }) => services.images.requireBytes(input.imageId!),
});

export const unshelve = action(
  'server.unshelve',
  Type.Object({
    serverId: Type.String(),
    zoneId: Type.String(),
    flavor: flavorFacts,
    architecture: Type.Optional(Type.String()),
    rootVolumeId: Type.String(),
    rootSize: Type.Number(),
    /** The image it was put away as; absent where its root disk is a volume. */
    imageId: Type.Optional(Type.String()),
    newDiskId: Type.Optional(Type.String()),
    rootPlace: Type.Optional(rootPlace),
    newDisks: Type.Optional(Type.Array(newServerDisk)),
    onlyHostId: Type.Optional(Type.String()),
    wantedHostId: Type.Optional(Type.String()),
  }),
  [
    when(hasImage, [span('get_image_info', [getImageInfo])]),
    span('schedule_instances', [chooseHost]),
    span('compute_unshelve_instance', [
      bindPorts,
      when(hasImage, [ensureImageCached, createRootDisk]),
      makeNewDisks,
      prepareGuest,
      startGuest,
    ]),
  ],
  {
    async succeeded(tx, { services, input, now }) {
      await settleServer(services, tx, input.serverId, {
        ...runningColumns,
        previous: null,
        zone_id: input.zoneId,
        launched_at: now,
        fault: null,
      });
      if (input.imageId) await services.images.templates.retire(tx, input.imageId);
    },
    async failed(tx, { services, input, now }, failure) {
      await settleServer(services, tx, input.serverId, { task_state: null, ...faultOf(failure, now) });
    },
  },
);

export interface UnshelveOptions {
  /** From now on the server is to stay in this zone, or, with null, in none in particular. Default: as before. */
  zoneId?: string | null;
  hostId?: string;
}

/**
 * Brings a shelved server back, on whatever host has room, or on the one that was asked for. That one has to be in the
 * zone in which the server is to stay: `conflict`, in Nova's words.
 */
export function requestUnshelve(cloud: Cloud, subject: Subject, serverId: string, options: UnshelveOptions = {}) {
  return beginTransition(cloud, subject, serverId, transitions.unshelve, async (tx, server) => {
    const pinnedZoneId = options.zoneId === undefined ? server.pinnedZoneId : options.zoneId;
    const host = options.hostId === undefined ? undefined : await cloud.hosts.get(options.hostId);
    if (host && pinnedZoneId !== null && host.zoneId !== pinnedZoneId) {
      const zone = (await cloud.zones.names()).get(pinnedZoneId);
      throw new CloudError('conflict', `Host '${host.name}' is not in the availability zone '${zone}'.`);
    }
    if (pinnedZoneId !== server.pinnedZoneId) await updateServer(cloud, tx, serverId, { pinned_zone_id: pinnedZoneId });
    const root = await tx
      .selectFrom('volumes')
      .selectAll()
      .where('id', '=', server.rootVolumeId)
      .executeTakeFirstOrThrow();
    const imageId = server.shelvedImageId ?? undefined;
    const locals = await localDisksOf(tx, serverId);
    return {
      action: unshelve,
      input: {
        serverId,
        zoneId: host?.zoneId ?? pinnedZoneId ?? server.zoneId,
        flavor: server.flavor,
        architecture: server.hardware['architecture'],
        rootVolumeId: root.id,
        rootSize: root.size,
        imageId,
        newDiskId: imageId ? newId(cloud.env) : undefined,
        rootPlace: { nearStorageId: root.storage_id },
        newDisks: locals.map((row) => ({
          volumeId: row.id,
          diskId: newId(cloud.env),
          size: row.size,
          local: { content: contentOf(row) },
        })),
        // Volumes do not move: a server that has some comes back where they are.
        onlyHostId: imageId ? await hostOfVolumes(tx, serverId) : (root.host_id ?? undefined),
        wantedHostId: host?.id,
      },
    };
  });
}
