import { Type } from 'typebox';
import type { GuestOrigin } from '../../../agent/contract.ts';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import { bringImage } from '../../volumes/image-cache.ts';
import { guestSpecOf } from '../guest-spec.ts';
import { power } from '../model.ts';
import { disksToMove, requireMovable } from '../moved-disks.ts';
import { flavorFacts, guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { discardAll } from '../steps/left-behind.ts';
import {
  claimTarget,
  handOver,
  type MoveInput,
  type MoveState,
  makeEmptyDisks,
  moveInput,
  targetOf,
  withSuccessor,
} from '../steps/move.ts';
import { faultOf } from '../steps/settle.ts';
import { beginTransition, settleServer } from '../transition.ts';

interface Input extends MoveInput {
  isPaused: boolean;
}

interface State extends MoveState {
  layered: string[];
  shared: string[];
  files: GuestOrigin['files'];
}

/** The user ended it. Another try would not be what was asked for. */
class MigrationAborted extends Error {
  readonly retryable = false;
  constructor() {
    super('The live migration was aborted.');
  }
}

/**
 * Sends the guest over while it runs. Until this has ended well, the guest is where it was and goes on there: undoing it
 * ends what the other host has of it first, and only then lets it go on.
 */
const transferGuest = step<Input, State>('transferGuest', {
  async do(context) {
    const { services, input, state, signal } = context;
    const { serverId } = input;
    const source = services.hosts.agent(input.hostId);
    const target = services.hosts.agent(targetOf(context));
    const paused = input.isPaused;
    const origin = await source.describeGuest(serverId);
    if (!origin.isSent) {
      // An earlier try may have been cut off, and may still be under way.
      await source.takeBackGuest(serverId, { paused });
      await services.hostNetworks.prepare(targetOf(context));
      const successors = new Map(
        input.disks.map(withSuccessor).map(({ volumeId, newDiskId }) => [volumeId, newDiskId]),
      );
      const { nics } = await guestSpecOf(services, await services.servers.byId(serverId));
      for (const { imageId } of origin.spec.cdroms ?? [])
        if (imageId !== undefined) await bringImage(services, targetOf(context), imageId);
      const disks = origin.spec.disks.map((disk) => ({ ...disk, diskId: successors.get(disk.volumeId)! }));
      const { layered = [], shared = [] } = state;
      const known = { ...origin, ...(shared.length > 0 ? { sharedVolumeIds: shared } : {}) };
      const inlet = await target.receiveGuest({ ...origin.spec, disks, nics }, known);
      const sent = disks.flatMap(({ volumeId }) =>
        shared.includes(volumeId)
          ? []
          : { volumeId, extent: layered.includes(volumeId) ? ('layer' as const) : ('all' as const) },
      );
      using aborting = services.servers.sendings.begin(serverId, signal, () =>
        source.takeBackGuest(serverId, { paused }).catch(() => {}),
      );
      const bandwidth = services.settings.liveMigrationBandwidth || undefined;
      await source.sendGuest(serverId, { inlet, disks: sent, bandwidth }).catch((error) => {
        throw aborting.isAborted ? new MigrationAborted() : error;
      });
      if (aborting.isAborted) throw new MigrationAborted();
    }
    return { state: { files: origin.files } };
  },
  async undo(context) {
    const { services, input, isSuperseded } = context;
    const server = await services.servers.byId(input.serverId);
    const isThere = server.hostId === targetOf(context);
    if (!isThere) await services.hosts.agent(targetOf(context)).removeGuest(input.serverId);
    if (isThere || isSuperseded) return;
    await services.hosts.agent(input.hostId).takeBackGuest(input.serverId, { paused: input.isPaused });
  },
});

/** From here on the guest runs on the other host, and nowhere else. */
const acceptGuest = step<Input, State>('acceptGuest', {
  retry: { attempts: 4, backoffMs: 100 },
  async do(context) {
    const { services, input, state } = context;
    const options = { paused: input.isPaused, files: state.files! };
    await services.hosts.agent(targetOf(context)).acceptGuest(input.serverId, options);
  },
  // Nothing to undo: what undoes the transfer ends the guest over there.
});

/** What the guest has left behind goes. It can't fail any more: reapers remove what the host does not let go of now. */
const leaveHost = step<Input, State>('leaveHost', {
  do: ({ services, input }) =>
    discardAll(
      services,
      input.serverId,
      input.hostId,
      input.disks.flatMap(({ oldDiskId }) => oldDiskId ?? []),
    ),
});

export const liveMigrate = action(
  'server.live-migrate',
  Type.Object({ ...guestInput, ...moveInput, newFlavor: flavorFacts, isPaused: Type.Boolean() }),
  [
    span('conductor_live_migrate_instance', [claimTarget]),
    span('compute_pre_live_migration', [makeEmptyDisks]),
    span('compute_live_migration', [transferGuest, handOver, acceptGuest]),
    span('compute_post_live_migration', [leaveHost]),
  ],
  {
    async succeeded(tx, { services, input }) {
      await services.hosts.release(tx, input.serverId, 'previous');
      await settleServer(services, tx, input.serverId, { ...columnsOf(input), fault: null });
    },
    async failed(tx, { services, input, now }, failure) {
      await settleServer(services, tx, input.serverId, { ...columnsOf(input), ...faultOf(failure, now) });
    },
  },
);

const columnsOf = ({ isPaused }: Input) =>
  isPaused
    ? ({ vm_state: 'paused', power_state: power.paused, task_state: null } as const)
    : ({ vm_state: 'active', power_state: power.running, task_state: null } as const);

/** Moves the server to another host, of choice or of the scheduler's, while its guest goes on. For operators. */
export async function requestLiveMigrate(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  { hostId }: { hostId?: string } = {},
) {
  return await beginTransition(cloud, subject, serverId, transitions.liveMigrate, async (tx, server) => {
    if (hostId === server.hostId) {
      const host = await cloud.hosts.get(hostId!);
      throw new CloudError('invalid', `Unable to migrate instance (${serverId}) to current host (${host.name}).`, {
        field: 'host',
      });
    }
    await requireMovable(tx, server);
    return {
      action: liveMigrate,
      input: {
        serverId,
        hostId: server.hostId!,
        wasStopped: false,
        isPaused: server.vmState === 'paused',
        ...(await disksToMove(cloud, tx, server)),
        newFlavor: server.flavor,
        mayStay: false,
        wantedHostId: hostId,
      },
      changes: { progress: 0 },
    };
  });
}
