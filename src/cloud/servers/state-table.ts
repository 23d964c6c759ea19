import type { VmState } from '../../database/schema.ts';
import { markdownTable } from '../lives/markdown-table.ts';
import { statusOf, type Transition, transitions } from './states.ts';

type TransitionKey = keyof typeof transitions;

/** The states that a server can be in, in the order in which the table shows them. */
export const serverStates = [
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
  'deleted',
] as const satisfies readonly VmState[];

/** What a server may be when a transition has succeeded; `as before` where it is what it was. */
export const outcomes: Record<TransitionKey, ReadonlyArray<VmState | 'as before'>> = {
  delete: ['deleted'],
  softDelete: ['soft-delete'],
  restore: ['active', 'resized', 'rescued', 'shelved', 'shelved_offloaded'],
  changePassword: ['as before'],
  start: ['active'],
  stop: ['stopped'],
  rebootSoft: ['active'],
  rebootHard: ['active'],
  pause: ['paused'],
  unpause: ['active'],
  suspend: ['suspended'],
  resume: ['active'],
  rescue: ['rescued'],
  unrescue: ['active'],
  attachInterface: ['as before'],
  detachInterface: ['as before'],
  changeMedium: ['as before'],
  crashDump: ['as before'],
  rebuild: ['active', 'stopped'],
  resize: ['resized'],
  extendRoot: ['as before'],
  migrate: ['resized'],
  liveMigrate: ['as before'],
  evacuate: ['active', 'stopped'],
  confirmResize: ['active', 'stopped'],
  revertResize: ['active', 'stopped'],
  createImage: ['as before'],
  createBackup: ['as before'],
  clone: ['as before'],
  shelve: ['shelved_offloaded'],
  unshelve: ['active'],
};

/** The life of servers as a page for readers: `docs/state-table.md`. */
export function stateTable(): string {
  const keys = Object.keys(transitions) as TransitionKey[];
  const cell = (key: TransitionKey, state: VmState) =>
    (transitions[key] as Transition).from.includes(state) ? 'yes' : '·';
  return [
    '# What may be asked of a server, and when',
    '',
    '<!-- Made from src/cloud/servers/states.ts and state-table.ts: vitest run src/cloud/servers/state-table.test.ts -u -->',
    '',
    'Everything that is not allowed is refused with a conflict (HTTP 409), and nothing changes. A `·` in the column of a',
    "state: `Cannot 'ACTION' instance ID while it is in vm_state STATE`. Allowed, but something else is under way:",
    "`Cannot 'ACTION' instance ID while it is in task_state TASK`. Of a server that never ran: `Cannot 'ACTION' instance ID",
    'before it was launched` (it can be deleted). Of a locked one, by a user: `Instance ID is locked`. Of a deleted one:',
    'not found (404).',
    '',
    'A transition that fails leaves the server in the state that it was in, or says in its fault why it could not.',
    '',
    '## Allowed',
    '',
    ...markdownTable(
      ['action', ...serverStates],
      keys.map((key) => [label(key), ...serverStates.map((state) => cell(key, state))]),
    ),
    '',
    '## What happens',
    '',
    ...markdownTable(
      ['action', 'task state meanwhile', 'then', 'also while busy with'],
      keys.map((key) => [label(key), ...happening(key)]),
    ),
    '',
    '## Statuses',
    '',
    'What OpenStack calls the states while nothing is under way. K5 says the same words.',
    '',
    ...markdownTable(
      ['vm_state', 'status'],
      serverStates.map((state) => [state, statusOf(state, null)]),
    ),
    '',
  ].join('\n');
}

function happening(key: TransitionKey): string[] {
  const { task, whileBusyWith }: Transition = transitions[key];
  const busy = whileBusyWith === 'anything' ? 'anything, which is cancelled' : (whileBusyWith ?? []).join(', ');
  return [task ?? '·', outcomes[key].join(', '), busy || '·'];
}

/** Two transitions may have one name: users read the same word for both. */
function label(key: TransitionKey): string {
  const { name } = transitions[key];
  const isAlone = Object.values(transitions).filter((one) => one.name === name).length === 1;
  return isAlone ? name : `${name} (${variants[key] ?? key})`;
}

const variants: Partial<Record<TransitionKey, string>> = {
  delete: 'for good',
  softDelete: 'to be restored for a while',
  rebootSoft: 'soft',
  rebootHard: 'hard',
};
