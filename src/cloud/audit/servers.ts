import type { AllocationsTable, ServersTable, VmState } from '../../database/schema.ts';
import { diskRoomOf } from '../flavors/disk-room.ts';
import { type Amounts, capacityOf, hostFromRow } from '../hosts/model.ts';
import { bootsFromVolume, type FlavorFacts, power, type Server, serverFromRow } from '../servers/model.ts';
import type { Facts } from './facts.ts';
import { type Finding, remainingWork, violation } from './finding.ts';
import { unlessOwned } from './owners.ts';

const gibibyte = 2 ** 30;

/** Servers that have no action at work on them: all that is said of them has to hold. */
function idleServers({ servers, owners }: Facts): ServersTable[] {
  return [...servers.values()].filter(({ id }) => !owners.isBusy(id));
}

/** Nothing stays in a transitional state. */
export function serversAreSettled(facts: Facts): Finding[] {
  return idleServers(facts).flatMap(({ id, vm_state, task_state }) => {
    if (task_state === null && vm_state !== 'building') return [];
    const text = `The server is ${vm_state}${task_state ? ` (${task_state})` : ''}, and no action is at work on it.`;
    return [violation('state-is-final', 'server', id, text)];
  });
}

export function errorsHaveFaults(facts: Facts): Finding[] {
  return idleServers(facts)
    .filter(({ vm_state, fault }) => vm_state === 'error' && fault === null)
    .map(({ id }) => violation('error-has-fault', 'server', id, 'The server is in error and does not say why.'));
}

const onHost: ReadonlySet<VmState> = new Set(['active', 'paused', 'suspended', 'stopped', 'rescued', 'resized']);

/** A server on a host has its room there, its root volume and that volume's disk. One that is nowhere holds nothing. */
export function serversHaveParts(facts: Facts): Finding[] {
  return idleServers(facts).flatMap((server) => {
    const say = (text: string) => violation('server-has-parts', 'server', server.id, text);
    if (!onHost.has(server.vm_state)) {
      const isAway = server.vm_state === 'shelved_offloaded' && server.host_id !== null;
      return isAway ? [say(`The server is shelved and still on host ${server.host_id}.`)] : [];
    }
    if (server.host_id === null) return [say(`The server is ${server.vm_state} and on no host.`)];
    const root = facts.volumes.get(server.root_volume_id ?? '');
    if (!root || root.server_id !== server.id) return [say('The server has lost its root volume.')];
    if (root.disk_id === null) return [say('The root volume of the server has no disk.')];
    const isResized = serverFromRow(server).previous !== null;
    return isResized === (server.vm_state === 'resized')
      ? []
      : [
          say(
            `The server is ${server.vm_state}, and ${isResized ? 'still' : 'no longer'} knows its size before a resize.`,
          ),
        ];
  });
}

/** What a server's guest has to be doing in each state. Error says nothing about it. */
function wantedGuest({ vm_state, power_state }: ServersTable): 'running' | 'paused' | 'suspended' | 'off' | undefined {
  if (vm_state === 'active') return 'running';
  if (vm_state === 'paused' || vm_state === 'suspended') return vm_state;
  if (vm_state === 'resized' || vm_state === 'rescued') return power_state === power.shutdown ? 'off' : 'running';
  if (vm_state === 'soft-delete') return power_state === power.suspended ? 'suspended' : 'off';
  return vm_state === 'stopped' ? 'off' : undefined;
}

/** Guests do what their servers say. */
export function guestsAreAsServers(facts: Facts): Finding[] {
  return idleServers(facts).flatMap((server) => {
    const wanted = wantedGuest(server);
    const inventory = facts.inventories.get(server.host_id ?? '');
    // Of a host that an operator says is down nobody expects anything.
    if (!wanted || !inventory || facts.hosts.get(server.host_id ?? '')?.forced_down === 1) return [];
    const guest = inventory.guests.find(({ serverId }) => serverId === server.id);
    const state = guest?.state ?? 'absent';
    if (wanted === 'off' ? state === 'stopped' || state === 'absent' : state === wanted) return [];
    const text = `The server is ${server.vm_state}, but its guest is ${state} on host ${server.host_id}.`;
    const thing = { invariant: 'guest-is-as-server', resource: 'server', id: server.id } as const;
    return unlessOwned(facts.owners, thing, [server.id], text);
  });
}

/** What a host keeps of a guest belongs to a live server there. */
export function guestsHaveServers(facts: Facts): Finding[] {
  const findings: Finding[] = [];
  for (const [hostId, { guests }] of facts.inventories) {
    for (const { serverId, state, hasConfigDrive } of guests) {
      const server = facts.servers.get(serverId);
      if (server && isAt(server, hostId)) continue;
      const what = `Host ${hostId} keeps a guest (${state}${hasConfigDrive ? ', with a config drive' : ''})`;
      const thing = { invariant: 'guest-has-server', resource: 'guest', id: serverId } as const;
      if (server?.host_id && !facts.owners.isBusy(serverId)) {
        const text = `${what} of a server that is elsewhere; it is about to be removed.`;
        findings.push(remainingWork(thing.invariant, thing.resource, thing.id, text));
        continue;
      }
      const why = server ? 'of a server that is on no host.' : 'without a server.';
      findings.push(...unlessOwned(facts.owners, thing, [serverId], `${what} ${why}`));
    }
  }
  return findings;
}

/** A server may go back to the host that it has left, and has what it needs for that there. */
function isAt(server: ServersTable, hostId: string): boolean {
  return server.host_id === hostId || serverFromRow(server).previous?.hostId === hostId;
}

/** While a guest moves, two hosts have it: one of them lets it stand still, and it never goes on there again. */
export function guestsAreOnOneHost(facts: Facts): Finding[] {
  const hostsOf = new Map<string, string[]>();
  for (const [hostId, { guests }] of facts.inventories) {
    for (const { serverId, state } of guests) {
      if (state === 'running') hostsOf.set(serverId, [...(hostsOf.get(serverId) ?? []), hostId]);
    }
  }
  return [...hostsOf]
    .filter(([, hosts]) => hosts.length > 1)
    .flatMap(([id, hosts]) => {
      const thing = { invariant: 'guest-on-one-host', resource: 'guest', id } as const;
      return unlessOwned(facts.owners, thing, [id], `The guest runs on ${hosts.join(' and ')}.`);
    });
}

interface Held extends Amounts {
  storageId: string | null;
  storageGb: number;
}

/** What a server of this size holds, whose root disk is this one: a disk that is its own counts where it lies. */
function due(facts: Facts, server: Server, flavor: FlavorFacts, rootDiskId: string | null): Held {
  const disk = bootsFromVolume(server) ? undefined : facts.disks.get(rootDiskId ?? '');
  const storageId = disk?.storage_id ?? null;
  return {
    ...{ vcpus: flavor.vcpus, memoryMb: flavor.memoryMb, storageId },
    diskGb: diskRoomOf(flavor) - (storageId === null ? 0 : flavor.diskGb),
    storageGb: storageId === null ? 0 : Math.ceil(disk!.size / gibibyte),
  };
}

const amounts = ({ vcpus, memoryMb, diskGb, storageId, storageGb }: Held) =>
  `${vcpus} vCPUs, ${memoryMb} MB, ${diskGb} GB${storageId === null ? '' : `, ${storageGb} GB in storage ${storageId}`}`;
const heldBy = ({ vcpus, memory_mb, disk_gb, storage_id, storage_gb }: AllocationsTable) =>
  amounts({ vcpus, memoryMb: memory_mb, diskGb: disk_gb, storageId: storage_id, storageGb: storage_gb });

/** Each live server on a host holds exactly its size there; resized ones hold the size before, too; nobody else holds anything. */
export function allocationsAreExact(facts: Facts): Finding[] {
  const findings: Finding[] = [];
  const say = (id: string, text: string) => findings.push(violation('allocation-is-exact', 'server', id, text));
  const held = Map.groupBy(facts.allocations, ({ server_id }) => server_id);
  for (const id of held.keys()) {
    if (facts.servers.has(id)) continue;
    const thing = { invariant: 'allocation-is-exact', resource: 'server', id } as const;
    findings.push(...unlessOwned(facts.owners, thing, [id], 'A server that is gone still holds room on a host.'));
  }
  for (const row of idleServers(facts)) {
    const server = serverFromRow(row);
    const allocations = held.get(row.id) ?? [];
    const expected = new Map<string, string>();
    const { hostId, flavor, previous } = server;
    const rootDiskId = facts.volumes.get(server.rootVolumeId ?? '')?.disk_id ?? null;
    if (hostId) expected.set('current', amounts(due(facts, server, flavor, rootDiskId)));
    if (hostId && previous) expected.set('previous', amounts(due(facts, server, previous.flavor, previous.rootDiskId)));
    for (const allocation of allocations) {
      const { purpose, host_id } = allocation;
      const wantedHost = (purpose === 'previous' && server.previous?.hostId) || row.host_id;
      const wanted = expected.get(purpose);
      expected.delete(purpose);
      if (!wanted) say(row.id, `The server holds ${heldBy(allocation)} on host ${host_id} for nothing (${purpose}).`);
      else if (host_id !== wantedHost)
        say(row.id, `The server is on host ${row.host_id} and holds room on ${host_id} (${purpose}).`);
      else if (wanted !== heldBy(allocation))
        say(row.id, `The server holds ${heldBy(allocation)} (${purpose}), but its size is ${wanted}.`);
    }
    for (const [purpose, wanted] of expected)
      say(row.id, `The server holds no room for its ${purpose} size, ${wanted}.`);
  }
  return findings;
}

/** Nor is more given away of a storage on a host than there is. */
export function storageRoomIsKept(facts: Facts): Finding[] {
  return facts.storageRooms.flatMap(({ storageId, hostId, name, state, totalBytes, takenBytes, diskRatio }) => {
    const capacity = Math.floor(Math.floor(totalBytes / gibibyte) * diskRatio);
    const taken = Math.ceil(takenBytes / gibibyte);
    if (taken <= capacity) return [];
    const text = `Of ${name} the host gives away at most ${capacity} GB, and ${taken} are held.`;
    const found = state === 'enabled' ? violation : remainingWork;
    return [found('capacity-is-kept', 'storage', storageId, `${text} (host ${hostId})`)];
  });
}

/** Hosts never give away more than they have. An operator may have made one smaller since: then work remains. */
export function capacityIsKept(facts: Facts): Finding[] {
  return [...facts.hosts.values()].flatMap((row) => {
    const capacity = capacityOf(hostFromRow(row));
    const mine = facts.allocations.filter(({ host_id }) => host_id === row.id);
    const sum = (column: 'vcpus' | 'memory_mb' | 'disk_gb') => mine.reduce((total, one) => total + one[column], 0);
    const over = [
      [sum('vcpus'), capacity.vcpus, 'vCPUs'],
      [sum('memory_mb'), capacity.memoryMb, 'MB of memory'],
      [sum('disk_gb'), capacity.diskGb, 'GB of disk'],
    ] as const;
    return over
      .filter(([used, has]) => used > has)
      .map(([used, has, unit]) =>
        (row.state === 'enabled' ? violation : remainingWork)(
          'capacity-is-kept',
          'host',
          row.id,
          `The host gives away at most ${has} ${unit}, and ${used} are held.`,
        ),
      );
  });
}
