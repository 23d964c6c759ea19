import { Type } from 'typebox';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { localDisksOf } from '../local-disks.ts';
import { bootsFromVolume, power } from '../model.ts';
import { guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { isGoingAway, setTask, stopGuest, writeConfigDrive } from '../steps/guest.ts';
import { discardDisks } from '../steps/old-disk.ts';
import { faultOf } from '../steps/settle.ts';
import { adoptTemplate, exportRootDisk, publishTemplate } from '../steps/template.ts';
import { beginTransition, settleServer, updateServer } from '../transition.ts';
import { snapshotProperties } from './create-image.ts';

interface OffloadInput {
  serverId: string;
  hostId: string;
  rootVolumeId: string;
  diskId: string;
  keepsDisk: boolean;
  localDisks?: Array<{ volumeId: string; diskId: string }>;
}

/** The disks that the server gives up, with all that is on them. */
function givenUp({ keepsDisk, rootVolumeId, diskId, localDisks = [] }: Readonly<OffloadInput>) {
  return keepsDisk ? localDisks : [{ volumeId: rootVolumeId, diskId }, ...localDisks];
}

/** Takes the guest off its host. Undone by putting back what it needs to start there again. */
const takeGuestAway = step<OffloadInput, { hostId: string }>('takeGuestAway', {
  retry: { attempts: 3, backoffMs: 500 },
  do: ({ services, input }) => services.hosts.agent(input.hostId).removeGuest(input.serverId),
  async undo(context) {
    const { services, input } = context;
    const server = await services.servers.byId(input.serverId);
    if (server.hostId === input.hostId && !isGoingAway(server)) await writeConfigDrive.do(context);
  },
});

/** Gives the host's room back. From here on the server is nowhere. */
const leaveHost = step<OffloadInput>('leaveHost', {
  async do({ services, input }) {
    return {
      commit: async (tx) => {
        await services.hosts.release(tx, input.serverId);
        await services.networks.bindPorts(tx, input.serverId, null, 'DOWN');
        await updateServer(services, tx, input.serverId, { host_id: null });
        for (const { volumeId, diskId } of givenUp(input)) {
          await services.volumes.setDisk(tx, volumeId, null);
          await services.volumes.releaseDisk(tx, diskId);
        }
      },
    };
  },
  // Nothing to undo: no step after it can fail.
});

const discardOwnDisks = step<OffloadInput>('discardOwnDisks', {
  do: ({ services, input }) => {
    const diskIds = givenUp(input).map(({ diskId }) => diskId);
    return discardDisks(services, input.hostId, diskIds);
  },
  // Nothing to undo: what of them is kept is in the image.
});
const givesUpDisks = ({ input }: { input: OffloadInput }) => givenUp(input).length > 0;

const hasDiskOfItsOwn = ({ input }: { input: { keepsDisk: boolean } }) => !input.keepsDisk;
const offload = span('compute_shelve_offload_instance', [
  setTask('shelving_offloading'),
  takeGuestAway,
  leaveHost,
  discardOwnDisks,
]);

export const shelve = action(
  'server.shelve',
  Type.Object({
    ...guestInput,
    rootVolumeId: Type.String(),
    diskId: Type.String(),
    /** Empty where the root disk is a volume, which stays as it is. */
    templateId: Type.String(),
    keepsDisk: Type.Boolean(),
    localDisks: Type.Optional(Type.Array(Type.Object({ volumeId: Type.String(), diskId: Type.String() }))),
  }),
  [
    when(hasDiskOfItsOwn, [
      span('compute_shelve_instance', [
        stopGuest,
        setTask('shelving_image_uploading'),
        exportRootDisk,
        adoptTemplate,
        publishTemplate,
        offload,
      ]),
    ]),
    when(
      ({ input }: { input: { keepsDisk: boolean } }) => input.keepsDisk,
      [
        span('compute_shelve_offload_instance', [
          stopGuest,
          takeGuestAway,
          leaveHost,
          when(givesUpDisks, [discardOwnDisks]),
        ]),
      ],
    ),
  ],
  {
    async succeeded(tx, { services, input }) {
      await settleServer(services, tx, input.serverId, {
        vm_state: 'shelved_offloaded',
        task_state: null,
        power_state: power.shutdown,
        previous: JSON.stringify({ shelvedImageId: input.templateId || null }),
      });
    },
    async failed(tx, { services, input, now }, failure) {
      if (input.templateId) await services.images.templates.fail(tx, input.templateId, failure.message);
      const asleep = input.wasStopped;
      await settleServer(services, tx, input.serverId, {
        vm_state: asleep ? 'stopped' : 'active',
        power_state: asleep ? power.shutdown : power.running,
        task_state: null,
        ...faultOf(failure, now),
      });
    },
  },
);

/** Puts a server away: its host's room is free again, its root disk becomes an image (or stays, where it is a volume). What is on ephemeral disks is lost. */
export function requestShelve(cloud: Cloud, subject: Subject, serverId: string) {
  return beginTransition(cloud, subject, serverId, transitions.shelve, async (tx, server) => {
    const root = await tx
      .selectFrom('volumes')
      .selectAll()
      .where('id', '=', server.rootVolumeId)
      .executeTakeFirstOrThrow();
    const keepsDisk = bootsFromVolume(server);
    const image = keepsDisk
      ? undefined
      : await cloud.images.templates.begin(tx, subject, {
          name: `${server.name}-shelved`,
          zoneId: server.zoneId,
          sourceUrl: `volume://${root.id}`,
          properties: snapshotProperties(subject, server),
          diskFormat: 'qcow2',
        });
    const locals = await localDisksOf(tx, serverId);
    return {
      action: shelve,
      input: {
        serverId,
        hostId: server.hostId!,
        wasStopped: server.vmState === 'stopped',
        rootVolumeId: root.id,
        diskId: root.disk_id!,
        templateId: image?.id ?? '',
        keepsDisk,
        localDisks: locals.flatMap(({ id: volumeId, disk_id: diskId }) => (diskId ? { volumeId, diskId } : [])),
      },
    };
  });
}
