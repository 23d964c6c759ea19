import { type Static, Type } from 'typebox';
import { action, span, step, when } from '../../actions.ts';
import { noteShare } from '../../volumes/shares.ts';
import { buildKind, leaveTemplate } from '../clone-templates.ts';
import { flavorFacts, personality, rootPlace } from '../schemas.ts';
import { createRootDisk, ensureImageCached } from '../steps/disks.ts';
import { bindPorts, prepareGuest, runningColumns, setTask, startGuest, stoppedColumns } from '../steps/guest.ts';
import { makeNewDisks, newServerDisk } from '../steps/new-disks.ts';
import { chooseHost } from '../steps/placement.ts';
import { faultOf, forgetPassword } from '../steps/settle.ts';
import { settleServer } from '../transition.ts';

const CreateInput = Type.Object({
  serverId: Type.String(),
  zoneId: Type.String(),
  clusterId: Type.Optional(Type.String()),
  flavor: flavorFacts,
  architecture: Type.Optional(Type.String()),
  rootVolumeId: Type.String(),
  rootSize: Type.Number(),
  /** The image the root disk is made of, and that disk; absent when the server boots from a volume that exists. */
  imageId: Type.Optional(Type.String()),
  newDiskId: Type.Optional(Type.String()),
  rootPlace: Type.Optional(rootPlace),
  withStorageIds: Type.Optional(Type.Array(Type.String())),
  /** Where the volume that it boots from is. */
  onlyHostId: Type.Optional(Type.String()),
  /** Hosts of which it has to be one, or none. */
  besideHostIds: Type.Optional(Type.Array(Type.String())),
  awayFromHostIds: Type.Optional(Type.Array(Type.String())),
  /** Disks of volumes that are made along with it. */
  newDisks: Type.Optional(Type.Array(newServerDisk)),
  /** Every volume that it gets beside the one that it boots from. */
  volumeIds: Type.Optional(Type.Array(Type.String())),
  adminPass: Type.Optional(Type.String()),
  personality: Type.Optional(personality),
  /** An image that is there for this server and its like alone, and goes with the last of them. */
  templateId: Type.Optional(Type.String()),
  /** Whether its guest is not started: it is there, with its disks and its place on a host, and off. */
  leaveStopped: Type.Optional(Type.Boolean()),
});

/** What is to be known to build a server whose rows are there. */
export type BuildInput = Static<typeof CreateInput>;

/** A root disk is made only where the server does not boot from a volume that exists. */
const makeRootDisk = when(
  ({ input }: { input: { imageId?: string } }) => input.imageId !== undefined,
  [ensureImageCached, createRootDisk],
);

/** A guest that is to be off stays without a process; whoever starts the server starts it for the first time. */
const startUnlessStopped = when(
  ({ input }: { input: { leaveStopped?: boolean } }) => !input.leaveStopped,
  [startGuest],
);

const useVolumes = step<{ serverId: string; rootVolumeId: string; volumeIds?: string[] }>('useVolumes', {
  async do({ services, input }) {
    const now = services.env.now();
    return {
      commit: async (tx) => {
        for (const id of [input.rootVolumeId, ...(input.volumeIds ?? [])]) {
          await noteShare(tx, { volumeId: id, serverId: input.serverId }, { status: 'attached', attached_at: now });
          await services.volumes.update(tx, id, { status: 'in-use' });
        }
      },
    };
  },
  // Nothing to undo: a volume of the server's own goes with it, another one is freed when the server is deleted.
});

export const create = action(
  buildKind,
  CreateInput,
  [
    span(
      'compute__do_build_and_run_instance',
      [
        chooseHost,
        bindPorts,
        setTask('spawning'),
        makeRootDisk,
        makeNewDisks,
        prepareGuest,
        startUnlessStopped,
        useVolumes,
      ],
      { attempts: 2 },
    ),
  ],
  {
    async succeeded(tx, { services, input, actionId, now }) {
      const columns = input.leaveStopped ? stoppedColumns : runningColumns;
      await settleServer(services, tx, input.serverId, { ...columns, launched_at: now });
      await forgetPassword(tx, actionId, input);
      if (input.templateId) await leaveTemplate(services, tx, input.templateId, actionId);
    },
    async failed(tx, { services, input, actionId, now }, failure) {
      await services.networks.unplugServer(tx, input.serverId);
      // A volume that was there before is as good as it was, and free again once the server is deleted.
      const isNew = new Set(input.newDisks?.map(({ volumeId }) => volumeId));
      if (input.newDiskId !== undefined) isNew.add(input.rootVolumeId);
      for (const id of [input.rootVolumeId, ...(input.volumeIds ?? [])]) {
        await noteShare(tx, { volumeId: id, serverId: input.serverId }, { status: 'attached' });
        await services.volumes.update(tx, id, { status: isNew.has(id) ? 'error' : 'in-use' });
      }
      const columns = { vm_state: 'error', task_state: null, ...faultOf(failure, now) } as const;
      await settleServer(services, tx, input.serverId, columns);
      await forgetPassword(tx, actionId, input);
      if (input.templateId) await leaveTemplate(services, tx, input.templateId, actionId);
    },
  },
);
