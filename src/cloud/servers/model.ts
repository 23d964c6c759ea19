import type { ServersTable, VmState } from '../../database/schema.ts';
import type { RescueBus } from '../images/hardware.ts';

/** A virtual machine. */
export interface Server {
  id: string;
  /** As the hypervisor's administrator sees it: `instance-0000002a`. */
  instanceName: string;
  projectId: string;
  userId: string;
  name: string;
  description: string | null;
  hostname: string;
  vmState: VmState;
  /** What is being done with it, in Nova's words; null when nothing is. */
  taskState: string | null;
  powerState: number;
  progress: number;
  hostId: string | null;
  zoneId: string;
  /** Null when it boots from a volume of its own. */
  imageId: string | null;
  flavor: FlavorFacts;
  previous: PreviousSize | null;
  /** The image of its root disk, while it is shelved. */
  shelvedImageId: string | null;
  /** The disk that it boots from while it is rescued. */
  rescueDiskId: string | null;
  /** Where that disk stands beside its own ones; null where it takes the place of the first. */
  rescueBus: RescueBus | null;
  rootVolumeId: string | null;
  keyName: string | null;
  publicKey: string | null;
  metadata: Record<string, string>;
  hardware: Record<string, string>;
  userData: string | null;
  hasConfigDrive: boolean;
  diskConfig: 'AUTO' | 'MANUAL';
  accessIpv4: string;
  accessIpv6: string;
  locked: boolean;
  lockedReason: string | null;
  reservationId: string;
  /** The zone that its user asked for, if he named one. */
  pinnedZoneId: string | null;
  launchIndex: number;
  fault: ServerFault | null;
  createdAt: number;
  updatedAt: number;
  launchedAt: number | null;
  terminatedAt: number | null;
  deletedAt: number | null;
  /** While it is soft-deleted: the state that it is restored to, and when it is deleted for good (microseconds). */
  deletedFrom: VmState | null;
  reclaimAt: number | null;
}

/** A flavor as it was when the server got it: later changes of the flavor do not reach the server. */
export interface FlavorFacts {
  id: string;
  uuid: string;
  name: string;
  vcpus: number;
  memoryMb: number;
  diskGb: number;
  ephemeralGb: number;
  swapMb: number;
  extraSpecs: Record<string, string>;
}

/** What a resized server goes back to when its resize is reverted. */
export interface PreviousSize {
  flavor: FlavorFacts;
  rootDiskId: string | null;
  rootSize: number | null;
  wasStopped: boolean;
  /** The host that it goes back to; absent where it stayed. */
  hostId?: string;
  /**
   * Its other disks as it had them: all where it has moved, else those that have changed, with their size in bytes. Null
   * for a disk that it had not.
   */
  disks?: Array<{ volumeId: string; diskId: string | null; size?: number }>;
}

/** Why the server is not as its user wanted it. */
export interface ServerFault {
  code: number;
  message: string;
  /** For administrators. */
  details: string;
  createdAt: number;
}

/** Nova's numbers for what a guest's power is. */
export const power = { none: 0, running: 1, paused: 3, shutdown: 4, crashed: 6, suspended: 7 } as const;

export function serverFromRow(row: ServersTable): Server {
  return {
    id: row.id,
    instanceName: `instance-${row.number.toString(16).padStart(8, '0')}`,
    projectId: row.project_id,
    userId: row.user_id,
    name: row.name,
    description: row.description,
    hostname: row.hostname,
    vmState: row.vm_state,
    taskState: row.task_state,
    powerState: row.power_state,
    progress: row.progress,
    hostId: row.host_id,
    zoneId: row.zone_id,
    imageId: row.image_id,
    flavor: JSON.parse(row.flavor) as FlavorFacts,
    ...asItWas(row.previous),
    rootVolumeId: row.root_volume_id,
    keyName: row.key_name,
    publicKey: row.public_key,
    metadata: parseMap(row.metadata),
    hardware: parseMap(row.hardware),
    userData: row.user_data,
    hasConfigDrive: row.has_config_drive === 1,
    diskConfig: row.disk_config,
    accessIpv4: row.access_ipv4,
    accessIpv6: row.access_ipv6,
    locked: row.locked === 1,
    lockedReason: row.locked_reason,
    reservationId: row.reservation_id,
    pinnedZoneId: row.pinned_zone_id,
    launchIndex: row.launch_index,
    fault: row.fault === null ? null : (JSON.parse(row.fault) as ServerFault),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    launchedAt: row.launched_at,
    terminatedAt: row.terminated_at,
    deletedAt: row.deleted_at,
    deletedFrom: row.deleted_from,
    reclaimAt: row.reclaim_at,
  };
}

/** What a server remembers while it is rescued. */
export interface RescueFacts {
  rescueDiskId: string;
  rescueBus?: RescueBus;
}

/** What the server was before it was resized or shelved, or has while it is rescued. */
function asItWas(text: string | null): Pick<Server, 'previous' | 'shelvedImageId' | 'rescueDiskId' | 'rescueBus'> {
  const nothing = { previous: null, shelvedImageId: null, rescueDiskId: null, rescueBus: null };
  if (text === null) return nothing;
  const facts = JSON.parse(text) as PreviousSize | { shelvedImageId: string | null } | RescueFacts;
  if ('shelvedImageId' in facts) return { ...nothing, shelvedImageId: facts.shelvedImageId };
  if ('rescueDiskId' in facts) return { ...nothing, ...facts };
  return { ...nothing, previous: facts };
}

function parseMap(text: string): Record<string, string> {
  return text === '{}' ? {} : (JSON.parse(text) as Record<string, string>);
}

/** Whether the server's root disk is a volume that can outlive it. */
export function bootsFromVolume(server: Pick<Server, 'imageId'>): boolean {
  return server.imageId === null;
}
