import { Type } from 'typebox';
import type { Tx } from '../../../database/database.ts';
import type { VolumesTable } from '../../../database/schema.ts';
import { newId, withDashes } from '../../../env/env.ts';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import { bootsFromVolume, type Server } from '../../servers/model.ts';
import { beginTransition } from '../../servers/transition.ts';
import { chooseDevice, devicesOf } from '../devices.ts';
import { hostOfVolumes } from '../host-of-volumes.ts';
import { type Volume, volumeFromRow } from '../model.ts';
import { invalidVolume, lockVolume, requireEnabled, requireStatus, settleVolume } from '../rules.ts';
import { leaveShared, multiattachTooOld, noteShare, shareVolume, takesOneMore } from '../shares.ts';
import { detached } from '../volumes.ts';
import { announceCopy, type BroughtDisk, bringDisk } from './bring-disk.ts';

export interface AttachmentInput {
  serverId: string;
  volumeId: string;
  diskId: string;
  readOnly: boolean;
  /** Absent while the server is on no host: then nothing has to be plugged. */
  hostId?: string;
  /** Where the volume is, if that is not where the server is: `diskId` is a copy of its disk then. */
  from?: { hostId: string; diskId: string };
}

export const attachmentInput = Type.Object({
  serverId: Type.String(),
  volumeId: Type.String(),
  diskId: Type.String(),
  readOnly: Type.Boolean(),
  hostId: Type.Optional(Type.String()),
  from: Type.Optional(Type.Object({ hostId: Type.String(), diskId: Type.String() })),
});

type Context = { services: Cloud; input: Readonly<AttachmentInput> };

/** The guest gets the disk now if it runs, and else when it is started. */
export async function plug({ services, input }: Context): Promise<void> {
  const { diskId, volumeId, readOnly } = input;
  const { multiattach } = await services.blockStorage.facts(volumeId);
  const limits = await services.blockStorage.limitsOf(volumeId);
  const disk = {
    ...{ diskId, volumeId, bus: 'virtio' as const },
    ...(readOnly ? { readOnly } : {}),
    ...(multiattach ? { shared: true } : {}),
    ...(limits ? { limits } : {}),
  };
  await services.hosts.agent(input.hostId!).attachDisk(input.serverId, disk);
}

export async function unplug({ services, input }: Context): Promise<void> {
  await services.hosts.agent(input.hostId!).detachDisk(input.serverId, input.volumeId);
}

/**
 * Undoes one with the other, but not for a server that is being deleted: its guest goes, and nobody waits for it. Nor
 * where the volume has been attached or detached anew since: then the guest has to have what the volume's row says.
 */
export function undoneBy(verb: typeof plug | typeof unplug) {
  return async (context: Context & { isSuperseded: boolean }) => {
    const { services, input, isSuperseded } = context;
    const server = await services.servers.byId(input.serverId);
    if (server.taskState === 'deleting') return;
    const isAttached = (await services.volumes.ofServer(input.serverId)).some(({ id }) => id === input.volumeId);
    if (!isSuperseded || isAttached === (verb === plug)) await verb(context);
  };
}

const plugDisk = step<AttachmentInput>('plugDisk', {
  retry: { attempts: 2, backoffMs: 500 },
  do: plug,
  undo: undoneBy(unplug),
});

const isElsewhere = ({ input }: { input: { from?: object } }) => input.from !== undefined;
const isOnHost = ({ input }: { input: { hostId?: string } }) => input.hostId !== undefined;

export const attachVolume = action(
  'server.attach-volume',
  attachmentInput,
  [
    when(isOnHost, [span('compute_attach_volume', [when(isElsewhere, [bringDisk]), plugDisk])]),
    when((context: { input: { hostId?: string } }) => !isOnHost(context), [span('api_attach_volume', [])]),
  ],
  {
    async succeeded(tx, { services, input, state, now }) {
      if (input.from) {
        const { actualSize, installPath } = state as BroughtDisk; // a span without steps takes the type away
        const columns = { actual_size: actualSize, install_path: installPath };
        const place = { diskId: input.diskId, hostId: input.hostId! };
        await services.volumes.setPlace(tx, input.volumeId, place, columns);
        await services.volumes.releaseDisk(tx, input.from.diskId);
      }
      const isShare = await noteShare(tx, input, { status: 'attached', attached_at: now });
      const columns = { status: 'in-use', ...(isShare ? {} : { attached_at: now }) };
      await settleVolume(services, tx, input.volumeId, 'attaching', columns);
    },
    async failed(tx, { services, input, now }, failure) {
      if (await leaveShared(services, tx, input)) {
        await services.volumes.update(tx, input.volumeId, { last_error: failure.message });
        return;
      }
      const columns = { status: 'available', ...detached(now), last_error: failure.message };
      await settleVolume(services, tx, input.volumeId, 'attaching', columns);
    },
  },
);

const attachTransition = {
  name: 'attach_volume',
  from: ['active', 'paused', 'stopped', 'resized', 'soft-delete', 'shelved', 'shelved_offloaded'],
  task: null,
} as const;

export interface AttachRequest {
  volumeId: string;
  /** As `/dev/vdb`; the first free one if none is said. */
  device?: string;
  /** By what the guest is told to know the disk. */
  tag?: string;
  deleteOnTermination?: boolean;
  /** Whoever asks does not know that several servers can have a volume: such a one is refused. */
  refuseMultiattach?: boolean;
  /** The volume API asks, and may ask for the opposite. */
  byVolumeApi?: boolean;
}

/**
 * Gives a server one more volume. One that is on another host comes to the server's first, unless it has snapshots,
 * which do not move.
 */
export async function requestAttachVolume(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  request: AttachRequest,
): Promise<{ server: Server; volume: Volume; actionId: string }> {
  let volume: Volume | undefined;
  const begun = await beginTransition(cloud, subject, serverId, attachTransition, async (tx, server) => {
    const row = await lockVolume(tx, subject, request.volumeId);
    refuseUnfit(row, server, request);
    const isMore = takesOneMore(row);
    if (!isMore) requireStatus(row, row.multiattach ? ['available', 'in-use'] : ['available'], 'reserve');
    if (row.project_id !== server.projectId && !subject.isAdmin) {
      throw invalidVolume(`Volume ${withDashes(row.id)} belongs to another project.`);
    }
    requireEnabled(row, 'reserve');
    const from = await wayTo(cloud, tx, server, row, isMore);
    const diskId = from ? newId(cloud.env) : row.disk_id!;
    if (from) await announceCopy(cloud, tx, row, { diskId, hostId: server.hostId! });
    const device = chooseDevice(await devicesOf(tx, serverId), request.device);
    const changes = {
      kind: 'data',
      status: 'attaching',
      server_id: serverId,
      last_server_id: serverId,
      attachment_id: newId(cloud.env),
      device: device.name,
      device_index: device.index,
      device_tag: request.tag ?? null,
      delete_on_termination: request.deleteOnTermination ? 1 : 0,
      attached_by_volume_api: request.byVolumeApi ? 1 : 0,
      last_error: null,
    } as const;
    if (isMore) {
      const { tag, deleteOnTermination = false, byVolumeApi } = request;
      const place = { serverId, device, tag, deleteOnTermination, byVolumeApi };
      volume = volumeFromRow(await shareVolume(cloud, tx, row, place));
    } else {
      await cloud.volumes.update(tx, row.id, changes);
      volume = volumeFromRow({ ...row, ...changes });
    }
    return {
      action: attachVolume,
      input: {
        serverId,
        volumeId: row.id,
        diskId,
        readOnly: volume.metadata['readonly'] === 'True',
        hostId: server.hostId ?? undefined,
        from,
      },
    };
  });
  return { ...begun, volume: volume! };
}

/** Nova's refusals of a volume that several servers may have. */
function refuseUnfit(row: VolumesTable, server: Server, { refuseMultiattach }: AttachRequest): void {
  if (row.multiattach === 0) return;
  if (refuseMultiattach) throw multiattachTooOld();
  if (server.vmState !== 'shelved_offloaded') return;
  const words = 'Attaching multiattach volumes is not supported for shelved-offloaded instances.';
  throw new CloudError('invalid', words, { reason: 'multiattach' });
}

/**
 * Where the volume has to come from, undefined where it is in place. A server that is on no host is bound to where its
 * volumes are. Throws `invalid` for what can't come.
 */
async function wayTo(
  cloud: Cloud,
  tx: Tx,
  server: Server,
  row: VolumesTable,
  isMore: boolean,
): Promise<AttachmentInput['from']> {
  const hostId = row.host_id!;
  const bound = server.hostId ?? (await hostOfVolumes(tx, server.id)) ?? hostId;
  if (bound === hostId) return undefined;
  const stays = isMore ? 'another server has it there' : await whyItStays(tx, server, row);
  if (stays === undefined) return { hostId, diskId: row.disk_id! };
  const names = new Map((await cloud.hosts.list()).map(({ id, name }) => [id, name]));
  const what = server.hostId === null && bootsFromVolume(server) ? 'the volumes of the server are' : 'the server is';
  throw invalidVolume(
    `Volume ${withDashes(row.id)} is on host ${names.get(hostId)} and can't be moved (${stays}), ` +
      `but ${what} on host ${names.get(bound)}.`,
  );
}

async function whyItStays(tx: Tx, server: Server, row: VolumesTable): Promise<string | undefined> {
  if (server.hostId === null) return 'the server is on no host';
  if (row.zone_id !== server.zoneId) return 'they are in different availability zones';
  const snapshot = await tx
    .selectFrom('volume_snapshots')
    .select('id')
    .where('volume_id', '=', row.id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return snapshot ? 'it has snapshots' : undefined;
}
