import { type Static, Type } from 'typebox';
import type { DiskSource } from '../../../agent/contract.ts';
import type { Tx } from '../../../database/database.ts';
import { step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { DiskNeed } from '../../hosts/disk-needs.ts';
import type { PlacementRequest } from '../../hosts/scheduler.ts';
import { bringImage } from '../../volumes/image-cache.ts';
import { sameDisk } from '../../volumes/same-disk.ts';
import { blankBeside } from '../local-disks.ts';
import type { FlavorFacts } from '../model.ts';
import { localContent } from '../schemas.ts';
import { updateServer } from '../transition.ts';
import { amountsOf, rootNeed } from './placement.ts';

const textOrNull = Type.Union([Type.String(), Type.Null()]);

/** A disk of a server, and the one that takes its place. Bytes. */
const movedDisk = Type.Object({
  volumeId: Type.String(),
  /** Null for a local disk that the server had not, or is not to have. */
  oldDiskId: textOrNull,
  newDiskId: textOrNull,
  oldSize: Type.Number(),
  newSize: Type.Number(),
  /** The image that it is a layer over. */
  imageId: textOrNull,
  /** The storage in which it lies, null for the host's own disk: its successor comes to the same, if there is room. */
  storageId: Type.Optional(textOrNull),
  /** Whether another disk takes its place also where the server stays on its host; the root disk always has one. */
  isChanged: Type.Optional(Type.Boolean()),
  /** Of a disk that is the server's own, beside its root disk. */
  local: Type.Optional(
    Type.Object({
      ...localContent.properties,
      /** Whether what is on it is of use to anybody: nothing is copied of a swap disk. */
      isKept: Type.Boolean(),
    }),
  ),
});
export type MovedDisk = Static<typeof movedDisk>;

/** What a step about a server that gets another place has to know. */
export interface MoveInput {
  serverId: string;
  /** Where it is. */
  hostId: string;
  /** The root disk first. */
  disks: MovedDisk[];
  /** Whether the root disk is the server's own, and no volume. */
  ownRoot?: boolean;
  newFlavor: FlavorFacts;
  /** Whether it may stay on its host, and does where that has room; else it has to leave. */
  mayStay: boolean;
  zoneId?: string;
  architecture?: string;
  /** The host that was asked for. */
  wantedHostId?: string;
  /** Where its volumes are, if they can't move. */
  onlyHostId?: string;
  /** Known where it goes back to where it was. */
  targetHostId?: string;
  /** Volumes whose disks can't be copied now: they have to come along in the storages that hosts share. */
  keptVolumeIds?: string[];
}

export const moveInput = {
  disks: Type.Array(movedDisk),
  ownRoot: Type.Optional(Type.Boolean()),
  newFlavor: Type.Any(),
  mayStay: Type.Boolean(),
  zoneId: Type.Optional(Type.String()),
  architecture: Type.Optional(Type.String()),
  wantedHostId: Type.Optional(Type.String()),
  onlyHostId: Type.Optional(Type.String()),
  targetHostId: Type.Optional(Type.String()),
  keptVolumeIds: Type.Optional(Type.Array(Type.String())),
};

export interface MoveState {
  targetHostId: string;
}

type Facts = { input: Readonly<MoveInput>; state: Readonly<Partial<MoveState>> };

export function targetOf({ input, state }: Facts): string {
  return state.targetHostId ?? input.targetHostId ?? input.hostId;
}

/** The disks in whose places others come: all where the server moves, else those that change. The root disk first. */
function changing(facts: Facts): MovedDisk[] {
  const { disks } = facts.input;
  return isMoved(facts) ? disks : disks.filter(({ isChanged }, index) => index === 0 || isChanged);
}

export const isMoved = (facts: Facts): boolean => targetOf(facts) !== facts.input.hostId;

/** What of a server has to find room elsewhere: all but what stays when it stays. */
export function placementOf(input: MoveInput): PlacementRequest {
  return {
    ...amountsOf(input.newFlavor, { ownRoot: input.ownRoot ?? false }),
    disks: diskNeeds(input),
    zoneId: input.zoneId,
    architecture: input.architecture,
    wantedHostId: input.wantedHostId,
    onlyHostId: input.onlyHostId,
    ...(input.mayStay ? { preferredHostId: input.hostId } : { leftHostId: input.hostId }),
  };
}

const inGb = (bytes: number) => Math.ceil(bytes / 2 ** 30);

/** The disks that get others in their places; local ones are part of what the server holds of its host's own disk. */
function diskNeeds({ disks, ownRoot, newFlavor: flavor, mayStay, hostId, keptVolumeIds }: MoveInput): DiskNeed[] {
  return disks.flatMap(({ volumeId, oldSize, newSize: size, storageId, local }, index) => {
    if (local) return [];
    const nearStorageId = storageId ?? null;
    const must = keptVolumeIds?.includes(volumeId) ? { storageId } : {};
    const leaves = { hostId, gb: inGb(oldSize) };
    if (index === 0 && ownRoot)
      return { ...rootNeed({ volumeId, size, flavor, place: { nearStorageId } }), leaves, ...must };
    const kept = mayStay && index > 0 ? { keptOnHostId: hostId } : {};
    return { volumeId, gb: inGb(size), nearStorageId, leaves, ...must, ...kept };
  });
}

/** Takes room for the server as it will be; what it has stays taken until it is known that it need not go back. */
export const claimTarget = step<MoveInput, MoveState>('claimTarget', {
  async do({ services, input }) {
    // The old size moves aside first, so that `current` is free for the new one.
    await services.db.write(async (tx) => {
      if (await hasPrevious(tx, input.serverId)) return;
      await setPurpose(tx, input.serverId, 'previous');
    });
    const targetHostId = await services.hosts.allocate(input.serverId, 'current', placementOf(input), {
      neighboursOf: (tx) => services.servers.groups.neighbours(tx, input.serverId),
      async registerDisks(tx, target, places) {
        // What a disk is a layer over elsewhere is known when it is there.
        const stays = target === input.hostId;
        for (const successor of changing({ input, state: { targetHostId: target } })) {
          const { newDiskId: id, oldDiskId: inPlaceOf, volumeId, imageId, newSize: size } = successor;
          if (id === null) continue;
          const storageId = places.get(volumeId) ?? null;
          const place = { imageId: stays ? imageId : null, storageId, inPlaceOf };
          await services.volumes.announceDisk(tx, target, { id, volumeId, size, ...place });
        }
      },
    });
    return { state: { targetHostId } };
  },
  async undo({ services, input }) {
    return {
      async commit(tx) {
        for (const id of newDiskIds(input)) await services.volumes.releaseDisk(tx, id);
        if (!(await hasPrevious(tx, input.serverId))) return;
        await services.hosts.release(tx, input.serverId, 'current');
        await setPurpose(tx, input.serverId, 'current');
      },
    };
  },
});

async function hasPrevious(tx: Tx, serverId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('allocations')
    .select('purpose')
    .where('server_id', '=', serverId)
    .where('purpose', '=', 'previous')
    .executeTakeFirst();
  return row !== undefined;
}

async function setPurpose(tx: Tx, serverId: string, purpose: 'current' | 'previous'): Promise<void> {
  await tx.updateTable('allocations').set({ purpose }).where('server_id', '=', serverId).execute();
}

/**
 * The new disks begin as copies of the old ones, which are kept to go back to; in storages that both hosts share they are
 * the same files. The guest does not run.
 */
export const copyDisks = step<MoveInput, MoveState>('copyDisks', {
  retry: { attempts: 3, backoffMs: 500 },
  async do(context) {
    const { services, input } = context;
    const target = targetOf(context);
    const layers: Layer[] = [];
    const [root, ...others] = changing(context) as [MovedDisk, ...MovedDisk[]];
    const copy = async ({ oldDiskId, newDiskId, newSize, local }: MovedDisk & { newDiskId: string }) => {
      if (oldDiskId === null || local?.isKept === false)
        return services.hosts.ensureDisk(target, {
          ...{ diskId: newDiskId, size: newSize },
          base: blankBeside(local!, root.newDiskId!),
        });
      if (!isMoved(context))
        return services.hosts.ensureDisk(target, {
          ...{ diskId: newDiskId, size: newSize },
          base: { kind: 'copy', diskId: oldDiskId },
        });
      const same = await sameDisk(services.db.read, newDiskId);
      if (same) return services.hosts.ensureDisk(target, { diskId: newDiskId, size: newSize, base: same });
      const source = await services.hosts.agent(input.hostId).offerDisk(oldDiskId);
      const { imageId, ...whole } = source;
      const hasImage = imageId !== undefined && (await ensureImage(services, target, imageId));
      if (hasImage) layers.push({ diskId: newDiskId, imageId });
      const offered: DiskSource = hasImage ? source : whole;
      const base = { kind: 'moved', source: offered } as const;
      return services.hosts.ensureDisk(target, { diskId: newDiskId, size: newSize, base });
    };
    const usage = await copy(withSuccessor(root));
    for (const disk of others) if (disk.newDiskId !== null) await copy(withSuccessor(disk));
    return {
      async commit(tx) {
        await services.volumes.noteUsage(tx, root.volumeId, usage);
        await noteLayers(tx, layers);
      },
    };
  },
  undo: removeNewDisks,
});

/** A disk that is a layer over an image. */
interface Layer {
  diskId: string;
  imageId: string;
}

async function noteLayers(tx: Tx, layers: readonly Layer[]): Promise<void> {
  for (const { diskId, imageId } of layers)
    await tx.updateTable('disks').set({ image_id: imageId }).where('id', '=', diskId).execute();
}

/** Whether the host has the image, so that what is above it is enough. An image that is gone leaves no other way. */
export async function ensureImage(cloud: Cloud, hostId: string, imageId: string): Promise<boolean> {
  try {
    await bringImage(cloud, hostId, imageId);
  } catch (error) {
    if (error instanceof CloudError) return false;
    throw error;
  }
  return true;
}

const newDiskIds = ({ disks }: Pick<MoveInput, 'disks'>) => disks.flatMap(({ newDiskId }) => newDiskId ?? []);

/** The disk, where it is known that another one takes its place. */
export function withSuccessor(disk: MovedDisk): MovedDisk & { newDiskId: string } {
  const { newDiskId } = disk;
  if (newDiskId === null) throw new Error(`nothing takes the place of the disk of ${disk.volumeId}`);
  return { ...disk, newDiskId };
}

async function removeNewDisks(context: Facts & { services: Cloud }) {
  const { services, input } = context;
  const agent = services.hosts.agent(targetOf(context));
  for (const id of newDiskIds(input)) await agent.removeDisk(id);
  return {
    async commit(tx: Tx) {
      for (const id of newDiskIds(input)) await services.volumes.forgetDisk(tx, id);
    },
  };
}

/** Brings along those of the disks that have to be: they are the same files on the other host. */
export const takeDisks = step<MoveInput, MoveState>('takeDisks', {
  retry: { attempts: 3, backoffMs: 500 },
  async do(context) {
    const { services, input } = context;
    for (const { volumeId, newDiskId: diskId, newSize: size } of input.disks.map(withSuccessor)) {
      if (!input.keptVolumeIds?.includes(volumeId)) continue;
      const base = await sameDisk(services.db.read, diskId);
      if (!base) throw new Error(`the disk of ${volumeId} is in no storage that its hosts share`);
      await services.hosts.ensureDisk(targetOf(context), { diskId, size, base });
    }
  },
  async undo(context) {
    const { services, input } = context;
    const agent = services.hosts.agent(targetOf(context));
    for (const { volumeId, newDiskId } of input.disks.map(withSuccessor))
      if (input.keptVolumeIds?.includes(volumeId)) await agent.removeDisk(newDiskId);
  },
});

interface EmptyDisksState extends MoveState {
  /** Volumes whose disks are layers over the same image, and those whose disks are the same files. */
  layered: string[];
  shared: string[];
}

/** Where each new disk begins while the guest runs: as the same file, as a layer over the same image, or empty. */
export const makeEmptyDisks = step<MoveInput, EmptyDisksState>('makeEmptyDisks', {
  retry: { attempts: 3, backoffMs: 500 },
  async do(context) {
    const { services, input } = context;
    const target = targetOf(context);
    const layered: string[] = [];
    const shared: string[] = [];
    const layers: Layer[] = [];
    for (const { volumeId, oldDiskId, newDiskId: diskId, imageId, local } of input.disks.map(withSuccessor)) {
      const { virtualSize: size } = await services.hosts.agent(input.hostId).diskUsage(oldDiskId!);
      const same = await sameDisk(services.db.read, diskId, { isOpen: true });
      if (same) {
        shared.push(volumeId);
        await services.hosts.ensureDisk(target, { diskId, size, base: same });
        continue;
      }
      const hasImage = imageId !== null && (await ensureImage(services, target, imageId));
      if (hasImage) {
        layered.push(volumeId);
        layers.push({ diskId, imageId });
      }
      const empty = local ? blankBeside({}, input.disks[0]!.newDiskId!) : ({ kind: 'blank' } as const);
      const base = hasImage ? ({ kind: 'image', imageId } as const) : empty;
      await services.hosts.ensureDisk(target, { diskId, size, base });
    }
    return {
      state: { layered, shared },
      commit: (tx) => noteLayers(tx, layers),
    };
  },
  undo: removeNewDisks,
});

/** The server is where its new disks are. The old ones are kept. */
export const handOver = step<MoveInput, MoveState>('handOver', {
  async do(context) {
    const { services, input } = context;
    const hostId = targetOf(context);
    const found = changing(context).map((disk) => ({ id: disk.volumeId, diskId: disk.newDiskId, size: disk.newSize }));
    const disks = await withPaths(services, hostId, found);
    return { commit: (tx) => place(services, tx, input, { hostId, moves: isMoved(context), disks }) };
  },
  async undo(context) {
    const { services, input } = context;
    const { hostId } = input;
    const found = changing(context).map((disk) => ({ id: disk.volumeId, diskId: disk.oldDiskId, size: disk.oldSize }));
    const disks = await withPaths(services, hostId, found);
    return { commit: (tx) => place(services, tx, input, { hostId, moves: isMoved(context), disks }) };
  },
});

/** The disk that a volume has from now on. */
interface PlacedDisk {
  id: string;
  diskId: string | null;
  size: number;
  installPath: string | null;
}

/** Where the disks are on the host, as far as it tells: a guest that waits to go on is not kept for it. */
async function withPaths(
  cloud: Cloud,
  hostId: string,
  disks: ReadonlyArray<Omit<PlacedDisk, 'installPath'>>,
): Promise<PlacedDisk[]> {
  const pathOf = async (diskId: string | null) =>
    diskId === null ? null : (await cloud.hosts.agent(hostId).diskUsage(diskId)).installPath;
  return await Promise.all(
    disks.map(async (disk) => ({ ...disk, installPath: await pathOf(disk.diskId).catch(() => null) })),
  );
}

async function place(
  cloud: Cloud,
  tx: Tx,
  { serverId }: MoveInput,
  to: { hostId: string; moves: boolean; disks: readonly PlacedDisk[] },
): Promise<void> {
  const { hostId, moves, disks } = to;
  for (const { id, diskId, size, installPath } of disks)
    await cloud.volumes.setPlace(tx, id, { diskId, hostId }, { size, install_path: installPath });
  if (!moves) return;
  const host = await tx.selectFrom('hosts').select('zone_id').where('id', '=', hostId).executeTakeFirstOrThrow();
  await updateServer(cloud, tx, serverId, { host_id: hostId, zone_id: host.zone_id });
  await cloud.networks.bindPorts(tx, serverId, hostId, 'ACTIVE');
}
