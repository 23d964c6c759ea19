import type { DisksTable } from '../../database/schema.ts';
import { serverFromRow } from '../servers/model.ts';
import type { Facts } from './facts.ts';
import { type Finding, remainingWork, violation } from './finding.ts';
import { unlessOwned } from './owners.ts';

/** Every disk on a host is known. */
export function disksAreKnown(facts: Facts): Finding[] {
  const findings: Finding[] = [];
  for (const [hostId, { disks }] of facts.inventories) {
    for (const id of disks) {
      if (facts.disks.get(id)?.host_id === hostId) continue;
      const thing = { invariant: 'disk-is-known', resource: 'disk', id } as const;
      findings.push(...unlessOwned(facts.owners, thing, [id], `Host ${hostId} has a disk that is in no record.`));
    }
  }
  return findings;
}

/** Every disk in a pool for clones is known: one that is not takes room, and keeps its image from being removed. */
export function clonesAreKnown(facts: Facts): Finding[] {
  return [...facts.stores].flatMap(([storeId, { disks = [] }]) =>
    disks.flatMap((id) => {
      if (facts.disks.has(id)) return [];
      const thing = { invariant: 'disk-is-known', resource: 'disk', id } as const;
      return unlessOwned(facts.owners, thing, [id], `The pool of store ${storeId} has a disk that is in no record.`);
    }),
  );
}

/** Every disk that is needed is there. */
export function disksExist(facts: Facts): Finding[] {
  return [...facts.disks.values()].flatMap(({ id, host_id, volume_id, released_at }) => {
    const inventory = facts.inventories.get(host_id);
    if (released_at !== null || !inventory || inventory.disks.includes(id)) return [];
    const thing = { invariant: 'disk-exists', resource: 'disk', id } as const;
    const text = `Host ${host_id} does not have the disk of ${volume_id}.`;
    return unlessOwned(facts.owners, thing, [id, volume_id, holderOf(facts, volume_id)], text);
  });
}

/** Every disk is some volume's or snapshot's, or what a resize can go back to. One that is released is about to go. */
export function disksHaveOwners(facts: Facts): Finding[] {
  const kept = new Set<string>();
  for (const { disk_id } of facts.volumes.values()) if (disk_id) kept.add(disk_id);
  for (const { disk_id } of facts.snapshots.values()) if (disk_id) kept.add(disk_id);
  for (const server of facts.servers.values()) {
    const { previous, rescueDiskId } = serverFromRow(server);
    if (previous?.rootDiskId) kept.add(previous.rootDiskId);
    for (const { diskId } of previous?.disks ?? []) if (diskId !== null) kept.add(diskId);
    if (rescueDiskId) kept.add(rescueDiskId);
  }
  return [...facts.disks.values()].flatMap((disk) => {
    if (disk.released_at === null && kept.has(disk.id)) return [];
    return disk.released_at === null ? withoutOwner(facts, disk) : released(facts, disk, kept);
  });
}

function withoutOwner(facts: Facts, { id, host_id, volume_id }: DisksTable): Finding[] {
  const thing = { invariant: 'disk-has-owner', resource: 'disk', id } as const;
  const text = `Nothing uses the disk of ${volume_id} on host ${host_id}, and nobody has let go of it.`;
  return unlessOwned(facts.owners, thing, [id, volume_id, holderOf(facts, volume_id)], text);
}

function released(facts: Facts, { id, host_id, volume_id }: DisksTable, kept: ReadonlySet<string>): Finding[] {
  if (!kept.has(id)) {
    return [
      remainingWork('disk-has-owner', 'disk', id, `The released disk is still to be removed from host ${host_id}.`),
    ];
  }
  const thing = { invariant: 'disk-has-owner', resource: 'disk', id } as const;
  const owners = [id, volume_id, holderOf(facts, volume_id)];
  return unlessOwned(facts.owners, thing, owners, `The disk of ${volume_id} is released, but still in use.`);
}

/**
 * A guest has no disk open but those of its server's volumes, and no disk is open in two guests, unless its volume is one
 * that several servers may have: whoever else wrote to it would ruin it. Looks at what the processes on the hosts really have open.
 */
export function disksHaveOneWriter(facts: Facts): Finding[] {
  const findings: Finding[] = [];
  for (const [hostId, { guests }] of facts.inventories) {
    const writers = new Map<string, string>();
    for (const { serverId, openDisks = [] } of guests) {
      for (const id of openDisks) {
        const thing = { invariant: 'disk-has-one-writer', resource: 'disk', id } as const;
        const volumeId = facts.disks.get(id)?.volume_id;
        const owners = [id, serverId, volumeId, holderOf(facts, volumeId ?? '')];
        const other = writers.get(id);
        if (other && facts.volumes.get(volumeId ?? '')?.multiattach !== 1) {
          const text = `On host ${hostId} the disk is open in the guests of ${other} and ${serverId}.`;
          findings.push(...unlessOwned(facts.owners, thing, owners, text));
        }
        writers.set(id, serverId);
        if (isOf(facts, serverId, id, volumeId)) continue;
        const text = `On host ${hostId} the guest of server ${serverId} has the disk open, which is not its server's.`;
        findings.push(...unlessOwned(facts.owners, thing, owners, text));
      }
    }
  }
  return findings;
}

/** Whether the disk is one of the server's: of a volume that it has, or what it is rescued with. */
function isOf(facts: Facts, serverId: string, diskId: string, volumeId: string | undefined): boolean {
  const server = facts.servers.get(serverId);
  // What a guest without a server is, another rule says.
  if (!server || volumeId === undefined) return true;
  const attached = facts.attachments.some((one) => one.volume_id === volumeId && one.server_id === serverId);
  return (
    attached ||
    isShared(facts, serverId, volumeId) ||
    holderOf(facts, volumeId) === serverId ||
    serverFromRow(server).rescueDiskId === diskId
  );
}

/** Whether the server is a further one of those that have the volume. */
function isShared({ shares }: Facts, serverId: string, volumeId: string): boolean {
  return shares.some(({ server_id, volume_id }) => server_id === serverId && volume_id === volumeId);
}

/** The server whose volume it is: what works on the server works on its disks. */
function holderOf(facts: Facts, volumeId: string): string | null {
  return facts.volumes.get(volumeId)?.server_id ?? null;
}

const volumesAtRest: ReadonlySet<string> = new Set([
  'available',
  'in-use',
  'reserved',
  'maintenance',
  'error',
  'error_deleting',
  'error_extending',
  'error_restoring',
]);

/** Volumes and snapshots are in a state that lasts. */
export function volumesAreSettled(facts: Facts): Finding[] {
  const kept = new Set([...facts.attachments, ...facts.transfers].map(({ volume_id }) => volume_id));
  const volumes = [...facts.volumes.values()].filter(({ id, status }) => !volumesAtRest.has(status) && !kept.has(id));
  const snapshots = [...facts.snapshots.values()].filter(({ status }) => !volumesAtRest.has(status));
  const thing = (resource: string, id: string) => ({ invariant: 'state-is-final', resource, id }) as const;
  return [
    ...volumes.flatMap(({ id, status, server_id }) =>
      [id, server_id ?? '', ...sharersOf(facts, id)].some((one) => facts.owners.isBusy(one))
        ? []
        : unlessOwned(
            facts.owners,
            thing('volume', id),
            [id],
            `The volume is ${status}, and no action is at work on it.`,
          ),
    ),
    ...snapshots.flatMap(({ id, status, volume_id }) =>
      unlessOwned(
        facts.owners,
        thing('snapshot', id),
        [id, volume_id],
        `The snapshot is ${status}, and no action is at work on it.`,
      ),
    ),
  ];
}

/** A volume or snapshot that can be used has a disk, and the disk's record says the same. */
export function volumesHaveDisks(facts: Facts): Finding[] {
  const things = [
    ...[...facts.volumes.values()].map((row) => ({ ...row, kind: 'volume', holder: row.server_id })),
    ...[...facts.snapshots.values()].map((row) => ({ ...row, kind: 'snapshot', holder: row.volume_id })),
  ];
  return things.flatMap((one) => {
    const { id, kind, status, disk_id, host_id, holder } = one;
    const thing = { invariant: 'volume-has-disk', resource: kind, id } as const;
    const say = (text: string) => unlessOwned(facts.owners, thing, [id, holder], text);
    if (disk_id === null) {
      const server = facts.servers.get(holder ?? '');
      const isAway = server?.vm_state === 'shelved_offloaded' || server?.vm_state === 'error';
      const needsDisk = status === 'available' || status === 'in-use';
      // A local disk of no bytes is one that a resize has given or taken: which is for its user to confirm.
      const isEmpty = 'local_disk' in one && one.local_disk !== null && one.size === 0;
      const isOpen = isEmpty && server?.vm_state === 'resized';
      return needsDisk && !isAway && !isOpen ? say(`The ${kind} is ${status} and has no disk.`) : [];
    }
    const disk = facts.disks.get(disk_id);
    if (!disk) return say(`The disk ${disk_id} of the ${kind} is in no record.`);
    if (disk.volume_id !== id) return say(`The disk ${disk_id} of the ${kind} is another one's.`);
    if (disk.host_id !== host_id) return say(`The ${kind} is on host ${host_id}, and its disk on ${disk.host_id}.`);
    if (!('storage_id' in one) || one.storage_id === disk.storage_id) return [];
    return say(`The volume is in storage ${one.storage_id}, and its disk in ${disk.storage_id}.`);
  });
}

function sharersOf({ shares }: Facts, volumeId: string): string[] {
  return shares.flatMap(({ volume_id, server_id }) => (volume_id === volumeId ? [server_id] : []));
}

/** Further servers have a volume only where another one has it in its row, and it is one that several may have. */
export function sharesAreInOrder(facts: Facts): Finding[] {
  return facts.shares.flatMap(({ volume_id: id, server_id }) => {
    const thing = { invariant: 'volume-is-shared', resource: 'volume', id } as const;
    const say = (text: string) => unlessOwned(facts.owners, thing, [id, server_id], text);
    const volume = facts.volumes.get(id);
    if (!volume) return say(`Server ${server_id} has the volume, which is gone.`);
    if (volume.multiattach !== 1) return say(`Server ${server_id} has the volume too, which is for one server.`);
    if (volume.server_id === null) return say(`Only server ${server_id} has the volume, which its row does not say.`);
    if (volume.server_id === server_id) return say(`Server ${server_id} has the volume twice.`);
    return facts.servers.has(server_id) ? [] : say(`The volume is attached to server ${server_id}, which is gone.`);
  });
}

/** Volumes are attached to live servers only. */
export function attachmentsAreLive(facts: Facts): Finding[] {
  return [...facts.volumes.values()].flatMap(({ id, server_id }) =>
    server_id === null || facts.servers.has(server_id)
      ? []
      : unlessOwned(
          facts.owners,
          { invariant: 'holder-lives', resource: 'volume', id },
          [id, server_id],
          `The volume is attached to server ${server_id}, which is gone.`,
        ),
  );
}

/** Hosts have nothing that nobody accounts for. */
export function hostsHaveNoStrays(facts: Facts): Finding[] {
  const findings: Finding[] = [];
  for (const [hostId, inventory] of facts.inventories) {
    const text = (what: string) => `Host ${hostId} has ${what} that nothing accounts for.`;
    for (const path of inventory.strayFiles)
      findings.push(violation('no-stray-files', 'host', hostId, text(`a file ${path}`)));
  }
  return findings;
}
