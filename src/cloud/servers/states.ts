import type { VmState } from '../../database/schema.ts';

/** What may be asked of a server, when, and what it is then busy with. */
export interface Transition {
  /** The name that users read in conflicts and in the log of actions, as Nova's. */
  name: string;
  from: readonly VmState[];
  /**
   * Task states in which it may be asked all the same; otherwise nothing else may be under way. `anything` cancels what
   * is under way.
   */
  whileBusyWith?: readonly string[] | 'anything';
  /** The task state until it is done. */
  task: string | null;
  /** Whether a locked server allows it to those who are not administrators. */
  evenIfLocked?: boolean;
  /** Whether what was let in to the server's consoles, and has not come yet, is let in no more. */
  endsConsoles?: boolean;
  /** Whether it may be asked of a server that never ran. */
  evenIfNeverLaunched?: boolean;
}

const anyState: readonly VmState[] = [
  'building',
  'active',
  'paused',
  'suspended',
  'stopped',
  'rescued',
  'resized',
  'soft-delete',
  'error',
  'shelved',
  'shelved_offloaded',
];

/** The life of a server: Nova's states (its `vm_states` and `task_states`) and the rules of its compute API. */
export const transitions = {
  delete: {
    name: 'delete',
    from: anyState,
    whileBusyWith: 'anything',
    task: 'deleting',
    evenIfNeverLaunched: true,
    endsConsoles: true,
  },
  softDelete: {
    name: 'delete',
    from: anyState.filter((state) => state !== 'soft-delete'),
    whileBusyWith: 'anything',
    task: 'soft-deleting',
    endsConsoles: true,
  },
  changePassword: { name: 'changePassword', from: ['active'], task: 'updating_password' },
  restore: { name: 'restore', from: ['soft-delete'], task: 'restoring' },
  start: { name: 'start', from: ['stopped'], task: 'powering-on' },
  stop: { name: 'stop', from: ['active', 'error'], task: 'powering-off', endsConsoles: true },
  rebootSoft: { name: 'reboot', from: ['active'], task: 'rebooting' },
  rebootHard: {
    name: 'reboot',
    from: ['active', 'stopped', 'paused', 'suspended', 'error'],
    whileBusyWith: [
      'rebooting',
      'reboot_pending',
      'reboot_started',
      'rebooting_hard',
      'resuming',
      'unpausing',
      'suspending',
    ],
    task: 'rebooting_hard',
  },
  pause: { name: 'pause', from: ['active'], task: 'pausing' },
  unpause: { name: 'unpause', from: ['paused'], task: 'unpausing' },
  suspend: { name: 'suspend', from: ['active'], task: 'suspending', endsConsoles: true },
  resume: { name: 'resume', from: ['suspended'], task: 'resuming' },
  rescue: { name: 'rescue', from: ['active', 'stopped', 'error'], task: 'rescuing', endsConsoles: true },
  unrescue: { name: 'unrescue', from: ['rescued'], task: 'unrescuing', endsConsoles: true },
  attachInterface: { name: 'attach_interface', from: ['active', 'paused', 'stopped'], task: null },
  detachInterface: { name: 'detach_interface', from: ['active', 'stopped'], task: null },
  changeMedium: { name: 'change_medium', from: ['active', 'paused', 'stopped'], task: null },
  crashDump: { name: 'trigger_crash_dump', from: ['active', 'paused', 'rescued', 'resized', 'error'], task: null },
  rebuild: { name: 'rebuild', from: ['active', 'stopped', 'error'], task: 'rebuilding', endsConsoles: true },
  resize: { name: 'resize', from: ['active', 'stopped'], task: 'resize_prep', endsConsoles: true },
  extendRoot: { name: 'extend_volume', from: ['active', 'stopped'], task: 'extending_root' },
  migrate: { name: 'migrate', from: ['active', 'stopped'], task: 'resize_prep', endsConsoles: true },
  liveMigrate: { name: 'live-migration', from: ['active', 'paused'], task: 'migrating', endsConsoles: true },
  evacuate: { name: 'evacuate', from: ['active', 'stopped', 'error'], task: 'rebuilding', endsConsoles: true },
  confirmResize: { name: 'confirmResize', from: ['resized'], task: 'resize_confirming' },
  revertResize: { name: 'revertResize', from: ['resized'], task: 'resize_reverting' },
  createImage: { name: 'createImage', from: ['active', 'stopped', 'paused', 'suspended'], task: 'image_snapshot' },
  createBackup: { name: 'createBackup', from: ['active', 'stopped', 'paused', 'suspended'], task: 'image_backup' },
  clone: { name: 'clone', from: ['active', 'stopped', 'paused'], task: 'image_snapshot' },
  shelve: { name: 'shelve', from: ['active', 'stopped', 'paused', 'suspended'], task: 'shelving', endsConsoles: true },
  unshelve: { name: 'unshelve', from: ['shelved', 'shelved_offloaded'], task: 'unshelving' },
} as const satisfies Record<string, Transition>;

/** The word that OpenStack's users see for a state (spelled as Nova spells it). */
export function statusOf(vmState: VmState, taskState: string | null): string {
  return (taskState ? statusWhileBusy(vmState, taskState) : undefined) ?? steadyStatus[vmState];
}

const steadyStatus: Record<VmState, string> = {
  building: 'BUILD',
  active: 'ACTIVE',
  paused: 'PAUSED',
  suspended: 'SUSPENDED',
  stopped: 'SHUTOFF',
  rescued: 'RESCUE',
  resized: 'VERIFY_RESIZE',
  'soft-delete': 'SOFT_DELETED',
  deleted: 'DELETED',
  error: 'ERROR',
  shelved: 'SHELVED',
  shelved_offloaded: 'SHELVED_OFFLOADED',
};

const rebuilding = new Set(['rebuilding', 'rebuild_block_device_mapping', 'rebuild_spawning']);

function statusWhileBusy(vmState: VmState, task: string): string | undefined {
  const awake = vmState === 'active' || vmState === 'stopped';
  if (rebuilding.has(task) && (awake || vmState === 'error')) return 'REBUILD';
  if (awake && /^resize_(prep|migrating|migrated|finish)$/.test(task)) return 'RESIZE';
  if (vmState === 'resized' && task === 'resize_reverting') return 'REVERT_RESIZE';
  if (task === 'migrating' && (vmState === 'active' || vmState === 'paused')) return 'MIGRATING';
  if (vmState !== 'active') return undefined;
  if (task === 'rebooting' || task === 'reboot_pending' || task === 'reboot_started') return 'REBOOT';
  if (task.startsWith('rebooting_hard') || task === 'reboot_started_hard') return 'HARD_REBOOT';
  return task === 'updating_password' ? 'PASSWORD' : undefined;
}

/** Statuses under which Nova shows `progress`. */
export const statusesWithProgress: ReadonlySet<string> = new Set([
  'ACTIVE',
  'BUILD',
  'REBUILD',
  'RESIZE',
  'VERIFY_RESIZE',
  'MIGRATING',
]);

/** The vm states that a status filter means. */
export function vmStatesOf(status: string): VmState[] {
  const wanted = status.toUpperCase();
  const direct = (Object.keys(steadyStatus) as VmState[]).filter((state) => steadyStatus[state] === wanted);
  if (direct.length > 0) return direct;
  return wanted in busyStatuses ? busyStatuses[wanted]! : [];
}

const busyStatuses: Record<string, VmState[]> = {
  REBOOT: ['active'],
  HARD_REBOOT: ['active'],
  PASSWORD: ['active'],
  REBUILD: ['active', 'stopped', 'error'],
  MIGRATING: ['active', 'paused'],
  RESIZE: ['active', 'stopped'],
  REVERT_RESIZE: ['resized'],
};
