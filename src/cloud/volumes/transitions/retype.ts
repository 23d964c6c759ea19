import { Type } from 'typebox';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import { guestSpecOf } from '../../servers/guest-spec.ts';
import { isMultiattach, unmetSpec } from '../backend.ts';
import { type Volume, volumeFromRow } from '../model.ts';
import { lockVolume, requireStatus, settleVolume, steadyStatus } from '../rules.ts';
import { checkVolumeQuotas } from '../type-quotas.ts';
import { beginConversion } from './convert.ts';

interface Input {
  volumeId: string;
  serverId: string;
  typeId: string;
  oldTypeId: string;
}

type Context = { services: Cloud; input: Readonly<Input> };

/** Makes the guest heed what the type says; one that has no process does so when it gets one. */
async function limitAs({ services, input }: Context, typeId: string): Promise<void> {
  const server = await services.servers.byId(input.serverId);
  const volume = (await services.volumes.ofServer(server.id)).find(({ id }) => id === input.volumeId);
  if (server.hostId === null || !volume) return;
  const { disks } = await guestSpecOf(services, server);
  const disk = disks.find(({ volumeId }) => volumeId === volume.id)!;
  const limits = await services.blockStorage.qos.limitsOfVolume({ ...volume, volumeType: typeId });
  await services.hosts.agent(server.hostId).attachDisk(server.id, { ...disk, limits });
}

const changeLimits = step<Input>('changeLimits', {
  retry: { attempts: 3, backoffMs: 500 },
  do: (context) => limitAs(context, context.input.typeId),
  async undo(context) {
    if (context.isSuperseded) return;
    await limitAs(context, context.input.oldTypeId);
  },
});

export const retypeVolume = action(
  'volume.retype',
  Type.Object({
    volumeId: Type.String(),
    serverId: Type.String(),
    typeId: Type.String(),
    oldTypeId: Type.String(),
  }),
  [span('compute_retype_volume', [changeLimits])],
  {
    async succeeded(tx, { services, input }) {
      const status = await steadyStatus(tx, input.volumeId);
      const columns = { status, volume_type: input.typeId, last_error: null };
      await settleVolume(services, tx, input.volumeId, 'retyping', columns);
    },
    async failed(tx, { services, input }, failure) {
      const status = await steadyStatus(tx, input.volumeId);
      await settleVolume(services, tx, input.volumeId, 'retyping', { status, last_error: failure.message });
    },
  },
);

/**
 * Makes a volume one of another type. Its data does not move: there is one kind of storage behind all types; only where
 * several servers may have volumes of one type and not of the other, its disk is made anew, beside the one it has. Where a
 * guest has it, the guest is told the new type's limits, in the queue of what is done with its server.
 */
export async function requestRetypeVolume(
  cloud: Cloud,
  subject: Subject,
  volumeId: string,
  typeNameOrId: string,
): Promise<{ volume: Volume; actionId?: string }> {
  const type = await cloud.blockStorage.types.find(subject, typeNameOrId);
  return await cloud.db.write(async (tx) => {
    const row = await lockVolume(tx, subject, volumeId);
    requireStatus(row, ['available', 'in-use'], 'retype');
    if (row.volume_type === type.id) {
      throw new CloudError('invalid', `Invalid input received: the volume is of the type ${type.name} already.`);
    }
    if (type.encryption || unmetSpec(type.extraSpecs) !== undefined) {
      throw new CloudError('invalid', `Invalid input received: no storage is as the volume type ${type.name} says.`);
    }
    const snapshots = await tx
      .selectFrom('volume_snapshots')
      .select('size')
      .where('volume_id', '=', volumeId)
      .where('deleted_at', 'is', null)
      .execute();
    await checkVolumeQuotas(cloud, tx, row.project_id, {
      typeId: type.id,
      volumes: 1,
      snapshots: snapshots.length,
      bytes: snapshots.reduce((sum, { size }) => sum + size, row.size),
      onlyType: true,
    });
    const shared = isMultiattach(type.extraSpecs);
    if (shared !== (row.multiattach === 1))
      return await beginConversion(cloud, tx, subject, row, { id: type.id, shared });
    const server = await tx
      .selectFrom('servers')
      .select(['id', 'host_id'])
      .where('id', '=', row.server_id ?? '')
      .executeTakeFirst();
    if (!server?.host_id) {
      await cloud.volumes.update(tx, volumeId, { volume_type: type.id });
      return { volume: volumeFromRow({ ...row, volume_type: type.id }) };
    }
    await cloud.volumes.update(tx, volumeId, { status: 'retyping' });
    const actionId = await cloud.runner.submit(tx, retypeVolume, {
      input: { volumeId, serverId: server.id, typeId: type.id, oldTypeId: row.volume_type },
      name: 'retype_volume',
      resourceType: 'server',
      resourceId: server.id,
      projectId: row.project_id,
      userId: subject.userId,
      requestId: subject.requestId,
    });
    return { volume: volumeFromRow({ ...row, status: 'retyping' }), actionId };
  });
}
