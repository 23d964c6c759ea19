import { Type } from 'typebox';
import type { ActionFailure, SettleContext } from '../../../actions/definition.ts';
import type { Tx } from '../../../database/database.ts';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Flavor } from '../../flavors/flavors.ts';
import type { Subject } from '../../identity/subject.ts';
import { factsOf } from '../flavor-facts.ts';
import { forgetEmptyDisks, growLocalDisks } from '../local-disks.ts';
import { bootsFromVolume, type FlavorFacts, type PreviousSize, power } from '../model.ts';
import { disksToMove, requireMovable, requireOwnRoot } from '../moved-disks.ts';
import { flavorFacts, guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { atTarget } from '../steps/at-target.ts';
import { prepareGuest, runningColumns, setTask, startGuest, stopGuest, stoppedColumns } from '../steps/guest.ts';
import { claimTarget, copyDisks, handOver, isMoved, type MoveInput, type MoveState, moveInput } from '../steps/move.ts';
import { faultOf } from '../steps/settle.ts';
import { beginTransition, settleServer, updateServer } from '../transition.ts';

const ResizeInput = Type.Object({ ...guestInput, ...moveInput, newFlavor: flavorFacts, oldFlavor: flavorFacts });

interface Input extends MoveInput {
  oldFlavor: FlavorFacts;
  wasStopped: boolean;
}

const changeFlavor = step<Input>('changeFlavor', {
  async do({ services, input: { serverId, newFlavor } }) {
    return { commit: (tx) => updateServer(services, tx, serverId, flavorColumns(newFlavor)) };
  },
  async undo({ services, input: { serverId, oldFlavor } }) {
    return { commit: (tx) => updateServer(services, tx, serverId, flavorColumns(oldFlavor)) };
  },
});

export const flavorColumns = (flavor: FlavorFacts) => ({ flavor_id: flavor.id, flavor: JSON.stringify(flavor) });

const runs = ({ input }: { input: { wasStopped: boolean } }) => !input.wasStopped;

/** A resize and a cold migration are the same: the server gets another place, and may go back to the one it had. */
const nodes = [
  span('conductor_migrate_server', [span('cold_migrate', [claimTarget])]),
  span('compute_prep_resize', [setTask('resize_migrating')]),
  span('compute_resize_instance', [stopGuest, copyDisks, setTask('resize_finish')]),
  span('compute_finish_resize', [
    handOver,
    changeFlavor,
    when(runs, [when(isMoved, [atTarget(prepareGuest)]), atTarget(startGuest)]),
  ]),
] as const;

async function succeeded(tx: Tx, context: SettleContext<Cloud, Input, MoveState>): Promise<void> {
  const { services, input, now } = context;
  const [root, ...others] = input.disks;
  const moved = isMoved(context);
  const kept = others.flatMap(({ volumeId, oldDiskId, oldSize, isChanged }) =>
    moved || isChanged ? [{ volumeId, diskId: oldDiskId, ...(isChanged ? { size: oldSize } : {}) }] : [],
  );
  const previous: PreviousSize = {
    flavor: input.oldFlavor,
    rootDiskId: root!.oldDiskId,
    rootSize: root!.oldSize,
    wasStopped: input.wasStopped,
    ...(moved ? { hostId: input.hostId } : {}),
    ...(kept.length > 0 ? { disks: kept } : {}),
  };
  await settleServer(services, tx, input.serverId, {
    vm_state: 'resized',
    task_state: null,
    power_state: input.wasStopped ? power.shutdown : power.running,
    previous: JSON.stringify(previous),
    launched_at: now,
    fault: null,
  });
}

async function failed(
  tx: Tx,
  { services, input, now }: SettleContext<Cloud, Input, MoveState>,
  failure: ActionFailure,
) {
  const columns = input.wasStopped ? stoppedColumns : runningColumns;
  await settleServer(services, tx, input.serverId, { ...columns, ...faultOf(failure, now) });
  await forgetEmptyDisks(services, tx, input.serverId);
}

export const resize = action('server.resize', ResizeInput, nodes, {
  succeeded,
  failed,
});

export const migrate = action('server.migrate', ResizeInput, nodes, {
  succeeded,
  failed,
});

/**
 * Gives the server another flavor, or a size of its own, which is none: where it is, or on another host where there is no
 * room. The user then confirms it, or goes back.
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
    await requireOwnRoot(tx, server);
    await growLocalDisks(cloud, tx, subject, server, flavor);
    const place = await disksToMove(cloud, tx, server, flavor);
    const extraCores = Math.max(0, flavor.vcpus - server.flavor.vcpus);
    const extraMemory = Math.max(0, flavor.memoryMb - server.flavor.memoryMb);
    await cloud.quotas.check(tx, server.projectId, { cores: extraCores, ram_mb: extraMemory }, server.zoneId);
    return {
      action: resize,
      input: {
        serverId,
        hostId: server.hostId!,
        wasStopped: server.vmState === 'stopped',
        ...place,
        oldFlavor: server.flavor,
        newFlavor: factsOf(flavor),
        mayStay: true,
      },
      changes: { progress: 0 },
    };
  });
}

/** Moves the server to another host, of choice or of the scheduler's; its guest is stopped meanwhile. For operators. */
export async function requestMigrate(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  { hostId }: { hostId?: string } = {},
) {
  return await beginTransition(cloud, subject, serverId, transitions.migrate, async (tx, server) => {
    if (hostId === server.hostId)
      throw new CloudError('invalid', 'The target host can not be the same as the source host.', { field: 'host' });
    await requireMovable(tx, server);
    return {
      action: migrate,
      input: {
        serverId,
        hostId: server.hostId!,
        wasStopped: server.vmState === 'stopped',
        ...(await disksToMove(cloud, tx, server)),
        oldFlavor: server.flavor,
        newFlavor: server.flavor,
        mayStay: false,
        wantedHostId: hostId,
      },
      changes: { progress: 0 },
    };
  });
}
