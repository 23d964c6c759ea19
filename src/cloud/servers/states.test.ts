import { describe, expect, it } from 'vitest';
import type { VmState } from '../../database/schema.ts';
import { CloudError } from '../errors.ts';
import { operator } from '../identity/subject.ts';
import type { Server } from './model.ts';
import { statusOf, type Transition, transitions, vmStatesOf } from './states.ts';
import { checkTransition } from './transition.ts';

const states: readonly VmState[] = [
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
];

/**
 * Nova's rules (its API's state checks), one column for each of `states`: `+` allowed while nothing else is under way,
 * `*` also while something is, `.` not at all.
 */
const allowed: Record<keyof typeof transitions, string> = {
  //              b a p s s r r s e s s d
  delete: '       * * * * * * * * * * * .',
  softDelete: '   * * * * * * * . * * * .',
  changePassword: '. + . . . . . . . . . .',
  restore: '      . . . . . . . + . . . .',
  start: '        . . . . + . . . . . . .',
  stop: '         . + . . . . . . + . . .',
  rebootSoft: '   . + . . . . . . . . . .',
  rebootHard: '   . + + + + . . . + . . .',
  pause: '        . + . . . . . . . . . .',
  unpause: '      . . + . . . . . . . . .',
  suspend: '      . + . . . . . . . . . .',
  resume: '       . . . + . . . . . . . .',
  rescue: '       . + . . + . . . + . . .',
  unrescue: '     . . . . . + . . . . . .',
  attachInterface: '. + + . + . . . . . . .',
  detachInterface: '. + . . + . . . . . . .',
  // As ZStack has it: Running, Paused, Stopped.
  changeMedium: ' . + + . + . . . . . . .',
  crashDump: '    . + + . . + + . + . . .',
  rebuild: '      . + . . + . . . + . . .',
  resize: '       . + . . + . . . . . . .',
  extendRoot: '   . + . . + . . . . . . .',
  migrate: '      . + . . + . . . . . . .',
  liveMigrate: '  . + + . . . . . . . . .',
  evacuate: '     . + . . + . . . + . . .',
  confirmResize: '. . . . . . + . . . . .',
  revertResize: ' . . . . . . + . . . . .',
  createImage: '  . + + + + . . . . . . .',
  createBackup: ' . + + + + . . . . . . .',
  clone: '        . + + . + . . . . . . .',
  shelve: '       . + + + + . . . . . . .',
  unshelve: '     . . . . . . . . . + + .',
};

const id = '0123456789abcdef0123456789abcdef';
const dashed = '01234567-89ab-cdef-0123-456789abcdef';
const admin = operator();
const member = { ...admin, isAdmin: false, roles: ['member'] };

function refusal(transition: Transition, server: Partial<Server>, subject = admin): string | undefined {
  const whole = { id, taskState: null, launchedAt: 1, locked: false, ...server } as Server;
  try {
    checkTransition(subject, whole, transition);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(CloudError);
    expect(error).toMatchObject({ code: 'conflict' });
    return (error as CloudError).message;
  }
}

describe.each(Object.entries(transitions) as Array<[keyof typeof transitions, Transition]>)('%s', (key, transition) => {
  const cells = allowed[key].trim().split(' ');

  it.each(states.map((state, index) => [state, cells[index]!] as const))(
    'of a server that is %s: %s',
    (vmState, cell) => {
      const inState = `Cannot '${transition.name}' instance ${dashed} while it is in vm_state ${vmState}`;
      const isBusy = `Cannot '${transition.name}' instance ${dashed} while it is in task_state rebuilding`;
      expect(refusal(transition, { vmState })).toBe(cell === '.' ? inState : undefined);
      const whileBusy = refusal(transition, { vmState, taskState: 'rebuilding' });
      expect(whileBusy).toBe(cell === '.' ? inState : cell === '*' ? undefined : isBusy);
    },
  );

  it('is refused for a locked server, but not to administrators', () => {
    const server = { vmState: transition.from[0]!, locked: true };
    expect(refusal(transition, server, member)).toBe(`Instance ${dashed} is locked`);
    expect(refusal(transition, server)).toBeUndefined();
  });

  it('is refused for a server that never ran, unless it is to be deleted', () => {
    const said = refusal(transition, { vmState: transition.from[0]!, launchedAt: null });
    const never = `Cannot '${transition.name}' instance ${dashed} before it was launched`;
    expect(said).toBe(key === 'delete' ? undefined : never);
  });
});

describe('the table of transitions', () => {
  it('has a row for each', () => {
    expect(Object.keys(allowed).sort()).toEqual(Object.keys(transitions).sort());
    for (const row of Object.values(allowed)) expect(row.trim().split(' ')).toHaveLength(states.length);
  });

  it('lets a hard reboot come while something that it overrides is under way', () => {
    for (const taskState of ['rebooting', 'rebooting_hard', 'resuming', 'unpausing', 'suspending']) {
      expect(refusal(transitions.rebootHard, { vmState: 'active', taskState })).toBeUndefined();
    }
    expect(refusal(transitions.rebootHard, { vmState: 'active', taskState: 'deleting' })).toMatch(
      /task_state deleting$/,
    );
  });
});

describe('statuses', () => {
  it.each([
    ['active', null, 'ACTIVE'],
    ['active', 'rebuilding', 'REBUILD'],
    ['stopped', 'rebuild_spawning', 'REBUILD'],
    ['error', 'rebuilding', 'REBUILD'],
    ['active', 'resize_prep', 'RESIZE'],
    ['stopped', 'resize_finish', 'RESIZE'],
    ['resized', null, 'VERIFY_RESIZE'],
    ['resized', 'resize_reverting', 'REVERT_RESIZE'],
    ['resized', 'resize_confirming', 'VERIFY_RESIZE'],
    ['active', 'rebooting', 'REBOOT'],
    ['active', 'rebooting_hard', 'HARD_REBOOT'],
    ['stopped', 'rebooting_hard', 'SHUTOFF'],
    ['stopped', 'powering-on', 'SHUTOFF'],
    ['active', 'deleting', 'ACTIVE'],
    ['building', 'spawning', 'BUILD'],
    ['shelved_offloaded', 'unshelving', 'SHELVED_OFFLOADED'],
  ] as const)('%s and %s is %s', (vmState, task, status) => {
    expect(statusOf(vmState, task)).toBe(status);
  });

  it('mean vm states, in any case of letters; unknown ones mean none', () => {
    expect(vmStatesOf('shutoff')).toEqual(['stopped']);
    expect(vmStatesOf('REBUILD')).toEqual(['active', 'stopped', 'error']);
    expect(vmStatesOf('FLYING')).toEqual([]);
    expect(vmStatesOf('constructor')).toEqual([]);
  });
});
