import { Type } from 'typebox';
import { newId } from '../../../env/env.ts';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Flavor } from '../../flavors/flavors.ts';
import type { Subject } from '../../identity/subject.ts';
import { imageUnder } from '../../volumes/base-image.ts';
import { factsOf } from '../flavor-facts.ts';
import { bootsFromVolume, type FlavorFacts, type PreviousSize, power } from '../model.ts';
import { flavorFacts, guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { swapRootDisk } from '../steps/disks.ts';
import { runningColumns, setTask, startGuest, stopGuest, stoppedColumns } from '../steps/guest.ts';
import { faultOf } from '../steps/settle.ts';
import { beginTransition, settleServer, updateServer } from '../transition.ts';

const ResizeInput = Type.Object({
  ...guestInput,
  rootVolumeId: Type.String(),
  oldDiskId: Type.String(),
  newDiskId: Type.String(),
  oldSize: Type.Number(),
  rootSize: Type.Number(),
  oldFlavor: flavorFacts,
  newFlavor: flavorFacts,
});

interface Input {
  serverId: string;
  hostId: string;
  rootVolumeId: string;
  oldDiskId: string;
  newDiskId: string;
  rootSize: number;
  oldFlavor: FlavorFacts;
  newFlavor: FlavorFacts;
}

const amounts = (flavor: FlavorFacts) => ({
  vcpus: flavor.vcpus,
  memoryMb: flavor.memoryMb,
  diskGb: flavor.diskGb + flavor.ephemeralGb,
});

/** Takes room for the new size; the old one stays taken until the resize is confirmed. */
const claimNewSize = step<Input>('claimNewSize', {
  async do({ services, input }) {
    const request = { ...amounts(input.newFlavor), onlyHostId: input.hostId };
    // The old size moves aside first, so that `current` is free for the new one.
    await services.db.write(async (tx) => {
      const moved = await tx
        .selectFrom('allocations')
        .select('purpose')
        .where('server_id', '=', input.serverId)
        .execute();
      if (moved.some(({ purpose }) => purpose === 'previous')) return;
      await tx
        .updateTable('allocations')
        .set({ purpose: 'previous' })
        .where('server_id', '=', input.serverId)
        .execute();
    });
    await services.hosts.allocate(input.serverId, 'current', request);
  },
  async undo({ services, input }) {
    return {
      commit: async (tx) => {
        const moved = await tx
          .selectFrom('allocations')
          .select('purpose')
          .where('server_id', '=', input.serverId)
          .where('purpose', '=', 'previous')
          .executeTakeFirst();
        if (!moved) return;
        await services.hosts.release(tx, input.serverId, 'current');
        await tx
          .updateTable('allocations')
          .set({ purpose: 'current' })
          .where('server_id', '=', input.serverId)
          .execute();
      },
    };
  },
});

/** The new root disk begins as a copy of the old one, which is kept to go back to. */
const copyRootDisk = step<Input>('copyRootDisk', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ services, input }) {
    const agent = services.hosts.agent(input.hostId);
    const usage = await agent.ensureDisk({
      diskId: input.newDiskId,
      size: input.rootSize,
      base: { kind: 'copy', diskId: input.oldDiskId },
    });
    return { commit: (tx) => services.volumes.noteUsage(tx, input.rootVolumeId, usage) };
  },
  async undo({ services, input }) {
    await services.hosts.agent(input.hostId).removeDisk(input.newDiskId);
    return { commit: (tx) => services.volumes.forgetDisk(tx, input.newDiskId) };
  },
});

const changeFlavor = step<Input>('changeFlavor', {
  async do({ services, input }) {
    const { newFlavor } = input;
    return {
      commit: (tx) =>
        updateServer(services, tx, input.serverId, { flavor_id: newFlavor.id, flavor: JSON.stringify(newFlavor) }),
    };
  },
  async undo({ services, input }) {
    const { oldFlavor } = input;
    return {
      commit: (tx) =>
        updateServer(services, tx, input.serverId, { flavor_id: oldFlavor.id, flavor: JSON.stringify(oldFlavor) }),
    };
  },
});

export const resize = action(
  'server.resize',
  ResizeInput,
  [
    span('conductor_migrate_server', [span('cold_migrate', [claimNewSize])]),
    span('compute_prep_resize', [setTask('resize_migrating')]),
    span('compute_resize_instance', [stopGuest, copyRootDisk, setTask('resize_finish')]),
    span('compute_finish_resize', [
      swapRootDisk,
      changeFlavor,
      when(({ input }: { input: { wasStopped: boolean } }) => !input.wasStopped, [startGuest]),
    ]),
  ],
  {
    async succeeded(tx, { services, input, now }) {
      const previous: PreviousSize = {
        flavor: input.oldFlavor,
        rootDiskId: input.oldDiskId,
        rootSize: input.oldSize,
        wasStopped: input.wasStopped,
      };
      await settleServer(services, tx, input.serverId, {
        vm_state: 'resized',
        task_state: null,
        power_state: input.wasStopped ? power.shutdown : power.running,
        previous: JSON.stringify(previous),
        launched_at: now,
        fault: null,
      });
    },
    async failed(tx, { services, input, now }, failure) {
      const columns = input.wasStopped ? stoppedColumns : runningColumns;
      await settleServer(services, tx, input.serverId, { ...columns, ...faultOf(failure, now) });
      await services.volumes.releaseDisk(tx, input.newDiskId);
    },
  },
);

/**
 * Gives the server another flavor, or a size of its own, which is none. The user then confirms it, or goes back.
 */
export async function requestResize(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  flavorId: string,
  ownSize?: Flavor,
) {
  const named = ownSize ? Promise.resolve(ownSize) : cloud.flavors.get(subject, flavorId);
  const flavor = await named.catch((error) => {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    throw new CloudError('invalid', `Flavor ${flavorId} could not be found.`, { reason: 'flavor_not_found' });
  });
  return await beginTransition(cloud, subject, serverId, transitions.resize, async (tx, server) => {
    if (!ownSize && flavor.id === server.flavor.id) {
      throw new CloudError('invalid', 'When resizing, instances must change flavor!', { reason: 'same_flavor' });
    }
    const shrinks = flavor.diskGb < server.flavor.diskGb && !bootsFromVolume(server);
    if (shrinks) {
      throw new CloudError('invalid', 'Resize to a flavor with a smaller disk is not possible.', {
        reason: 'disk_shrink',
      });
    }
    const root = await tx
      .selectFrom('volumes')
      .selectAll()
      .where('id', '=', server.rootVolumeId)
      .executeTakeFirstOrThrow();
    const rootSize = bootsFromVolume(server) ? root.size : Math.max(root.size, flavor.diskGb * 2 ** 30);
    const newDiskId = newId(cloud.env);
    const disk = { id: newDiskId, volumeId: root.id, imageId: await imageUnder(tx, root.disk_id), size: rootSize };
    await cloud.volumes.registerDisk(tx, server.hostId!, disk);
    const extraCores = Math.max(0, flavor.vcpus - server.flavor.vcpus);
    const extraMemory = Math.max(0, flavor.memoryMb - server.flavor.memoryMb);
    await cloud.quotas.check(tx, server.projectId, { cores: extraCores, ram_mb: extraMemory });
    return {
      action: resize,
      input: {
        serverId,
        hostId: server.hostId!,
        wasStopped: server.vmState === 'stopped',
        rootVolumeId: root.id,
        oldDiskId: root.disk_id!,
        newDiskId,
        oldSize: root.size,
        rootSize,
        oldFlavor: server.flavor,
        newFlavor: factsOf(flavor),
      },
      changes: { progress: 0 },
    };
  });
}
