import type {
  ComputeConfirmResizeBody,
  ComputeLockServerBody,
  ComputePauseServerBody,
  ComputeRebootServerBody,
  ComputeRescueServerBody,
  ComputeResumeServerBody,
  ComputeRevertResizeBody,
  ComputeShelveServerBody,
  ComputeStartServerBody,
  ComputeStopServerBody,
  ComputeSuspendServerBody,
  ComputeUnlockServerBody,
  ComputeUnpauseServerBody,
  ComputeUnrescueServerBody,
  ComputeUnshelveServerBody,
} from '../api/bodies.ts';
import type { ApiCall } from './api.ts';
import { session } from './session.ts';
import type { Server } from './types.ts';

export interface ServerAction {
  id: string;
  /** The states in which it can be done; undefined for any. */
  states?: readonly string[];
  body?: Readonly<Record<string, unknown>>;
  danger?: boolean;
  /** It needs more than a click. */
  form?: boolean;
  /** For administrators only. */
  admin?: boolean;
}

/** What can be done with a server, in the order of a menu. The cloud has the last word; this says it beforehand. */
export const serverActions: readonly ServerAction[] = [
  { id: 'start', states: ['SHUTOFF'], body: { 'os-start': null } satisfies ComputeStartServerBody },
  { id: 'stop', states: ['ACTIVE', 'ERROR', 'RESCUE'], body: { 'os-stop': null } satisfies ComputeStopServerBody },
  {
    id: 'reboot',
    states: ['ACTIVE', 'SHUTOFF', 'PAUSED', 'SUSPENDED', 'ERROR'],
    body: { reboot: { type: 'SOFT' } } satisfies ComputeRebootServerBody,
  },
  {
    id: 'hardReboot',
    states: ['ACTIVE', 'SHUTOFF', 'PAUSED', 'SUSPENDED', 'ERROR'],
    body: { reboot: { type: 'HARD' } } satisfies ComputeRebootServerBody,
  },
  { id: 'pause', states: ['ACTIVE', 'RESCUE'], body: { pause: null } satisfies ComputePauseServerBody },
  { id: 'unpause', states: ['PAUSED'], body: { unpause: null } satisfies ComputeUnpauseServerBody },
  { id: 'suspend', states: ['ACTIVE', 'RESCUE'], body: { suspend: null } satisfies ComputeSuspendServerBody },
  { id: 'resume', states: ['SUSPENDED'], body: { resume: null } satisfies ComputeResumeServerBody },
  {
    id: 'shelve',
    states: ['ACTIVE', 'SHUTOFF', 'PAUSED', 'SUSPENDED'],
    body: { shelve: null } satisfies ComputeShelveServerBody,
  },
  {
    id: 'unshelve',
    states: ['SHELVED', 'SHELVED_OFFLOADED'],
    body: { unshelve: null } satisfies ComputeUnshelveServerBody,
  },
  { id: 'rebuild', states: ['ACTIVE', 'SHUTOFF', 'ERROR'], form: true },
  { id: 'resize', states: ['ACTIVE', 'SHUTOFF'], form: true },
  { id: 'confirmResize', states: ['VERIFY_RESIZE'], body: { confirmResize: null } satisfies ComputeConfirmResizeBody },
  { id: 'revertResize', states: ['VERIFY_RESIZE'], body: { revertResize: null } satisfies ComputeRevertResizeBody },
  { id: 'createImage', states: ['ACTIVE', 'SHUTOFF', 'PAUSED', 'SUSPENDED'], form: true },
  { id: 'attachVolume', states: ['ACTIVE', 'PAUSED', 'SHUTOFF', 'VERIFY_RESIZE', 'SUSPENDED'], form: true },
  { id: 'rescue', states: ['ACTIVE', 'SHUTOFF', 'ERROR'], body: { rescue: null } satisfies ComputeRescueServerBody },
  { id: 'unrescue', states: ['RESCUE'], body: { unrescue: null } satisfies ComputeUnrescueServerBody },
  { id: 'migrate', states: ['ACTIVE', 'PAUSED', 'SHUTOFF'], form: true, admin: true },
  { id: 'lock', body: { lock: null } satisfies ComputeLockServerBody },
  { id: 'unlock', body: { unlock: null } satisfies ComputeUnlockServerBody },
  { id: 'delete', danger: true, form: true },
];

export type Translate = (key: string, values?: Record<string, unknown>) => string;

/** Why the action can't be done with the server now; undefined when it can. */
export function whyNot(server: Server, action: ServerAction, t: Translate): string | undefined {
  const { status, locked } = server;
  if (action.admin && !session()?.isAdmin) return t('why.admin');
  if (action.id === 'lock') return locked ? t('why.locked') : undefined;
  if (action.id === 'unlock') return locked === false ? t('why.notLocked') : undefined;
  if (locked) return t('why.locked');
  const task = server['OS-EXT-STS:task_state'];
  if (action.id === 'delete') return undefined;
  if (task) return t('why.task', { task });
  if (action.states && !action.states.includes(status)) {
    return t('why.state', { status, states: action.states.join(', ') });
  }
  return undefined;
}

export function callOf(server: Server, action: ServerAction): ApiCall {
  if (action.id === 'delete') return { method: 'DELETE', path: `/compute/v2.1/servers/${server.id}` };
  return { method: 'POST', path: `/compute/v2.1/servers/${server.id}/action`, body: action.body };
}

/** The image it was made from; undefined where it boots from a volume. */
export function imageOf({ image }: Server): string | undefined {
  return typeof image === 'string' ? undefined : image.id;
}

export function addressesOf(server: Server): string[] {
  return Object.values(server.addresses).flatMap((list) => list.map(({ addr }) => addr));
}
