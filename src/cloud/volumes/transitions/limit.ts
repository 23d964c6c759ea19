import { Type } from 'typebox';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { guestSpecOf } from '../../servers/guest-spec.ts';
import { type OwnLimitChanges, ownLimitsFrom, withChanges } from '../own-limits.ts';
import { lockVolume } from '../rules.ts';

interface Input {
  volumeId: string;
  serverId: string;
  changes: OwnLimitChanges;
}

type Context = { services: Cloud; input: Readonly<Input> };

/** Makes the guest heed the changed limits, or those of the row; one that has no process does so when it gets one. */
async function heed({ services, input }: Context, changes: OwnLimitChanges): Promise<void> {
  const server = await services.servers.byId(input.serverId);
  const volume = (await services.volumes.ofServer(server.id)).find(({ id }) => id === input.volumeId);
  // On no host there is no guest, and a volume that was taken away meanwhile is told its limits when it is attached.
  if (server.hostId === null || !volume?.diskId) return;
  const ownLimits = new Map([[volume.id, withChanges(volume.ownLimits, changes)]]);
  const { disks } = await guestSpecOf(services, server, { ownLimits });
  const disk = disks.find(({ volumeId }) => volumeId === volume.id)!;
  await services.hosts.agent(server.hostId).attachDisk(server.id, disk);
}

const changeLimits = step<Input>('changeLimits', {
  retry: { attempts: 3, backoffMs: 500 },
  do: (context) => heed(context, context.input.changes),
  async undo(context) {
    if (context.isSuperseded) return;
    await heed(context, {});
  },
});

const rate = Type.Optional(Type.Union([Type.Number(), Type.Null()]));

export const limitVolume = action(
  'volume.limit',
  Type.Object({
    volumeId: Type.String(),
    serverId: Type.String(),
    changes: Type.Object({
      totalBytes: rate,
      readBytes: rate,
      writeBytes: rate,
      totalRequests: rate,
      readRequests: rate,
      writeRequests: rate,
    }),
  }),
  [span('compute_limit_volume', [changeLimits])],
  {
    async succeeded(tx, { services, input }) {
      const query = tx.selectFrom('volumes').select('own_limits').where('id', '=', input.volumeId);
      const row = await query.forUpdate().executeTakeFirst();
      if (row) await services.volumes.update(tx, input.volumeId, changedLimits(row, input.changes));
    },
    // The limits are as they were, and so is the guest.
    async failed() {},
  },
);

/**
 * Limits what guests may do with a volume, also one that is part of a server, beside what its type or flavor says. A
 * guest that has it is told at once, in the queue of what is done with its server. Of a volume that several servers have,
 * that is the one which has had it longest; others are told when they are started.
 */
export async function requestLimitVolume(
  cloud: Cloud,
  subject: Subject,
  volumeId: string,
  changes: OwnLimitChanges,
): Promise<{ actionId?: string }> {
  return await cloud.db.write(async (tx) => {
    const row = await lockVolume(tx, subject, volumeId, { rootDisks: true });
    const onHost = tx
      .selectFrom('servers')
      .select('id')
      .where('id', '=', row.server_id ?? '')
      .where('host_id', 'is not', null);
    const server = await onHost.executeTakeFirst();
    if (!server) {
      await cloud.volumes.update(tx, volumeId, changedLimits(row, changes));
      return {};
    }
    const actionId = await cloud.runner.submit(tx, limitVolume, {
      input: { volumeId, serverId: server.id, changes },
      name: 'limit_volume',
      resourceType: 'server',
      resourceId: server.id,
      projectId: row.project_id,
      userId: subject.userId,
      requestId: subject.requestId,
    });
    return { actionId };
  });
}

function changedLimits(row: { own_limits: string | null }, changes: OwnLimitChanges) {
  const limits = withChanges(ownLimitsFrom(row.own_limits), changes);
  return { own_limits: Object.keys(limits).length === 0 ? null : JSON.stringify(limits) };
}
