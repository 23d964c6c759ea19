import { describe, expect, it } from 'vitest';
import type { LoggedAction, LoggedEvent } from '../../../cloud/servers/log.ts';
import { k5Profile } from '../../k5/profile.ts';
import { actionWithEventsView } from './instance-actions-view.ts';
import { novaProfile } from './profile.ts';

const at = (time: string) => Date.parse(`${time}Z`) * 1000;
const action: LoggedAction = {
  id: '0'.repeat(32),
  name: 'rebuild',
  requestId: 'req-73190894-7461-4b1e-abf9-dc31b9a64ced',
  serverId: 'fee86478a120488f835997d200564b90',
  projectId: 'bb46ff7286ed4e418958c2a5e06cd4a2',
  userId: '1f708e1376784e529a7b09eb5ff1a5fc',
  startedAt: at('2016-12-12T05:02:23'),
  updatedAt: at('2016-12-12T05:02:37'),
  finishedAt: at('2016-12-12T05:02:37'),
  hostId: null,
  hasFailed: false,
};
const event = (name: string, start: string, finish: string | null, more: Partial<LoggedEvent> = {}): LoggedEvent => ({
  name,
  startedAt: at(`2016-12-12T${start}`),
  finishedAt: finish === null ? null : at(`2016-12-12T${finish}`),
  result: finish === null ? null : 'Success',
  traceback: null,
  ...more,
});

const k5 = { profile: k5Profile, minor: 1, isAdmin: false };
const nova = { profile: novaProfile, minor: 1, isAdmin: false };
const names = (events: string[], how = k5) =>
  actionWithEventsView(
    action,
    events.map((name) => event(name, '05:02:25', '05:02:37')),
    how,
  ).events.map((one) => one.event);

describe('an action in the log of a server', () => {
  it("is as K5's reference shows the rebuild of a stopped server", () => {
    const events = [
      event('compute_stop_instance', '05:02:35', '05:02:37'),
      event('compute_rebuild_instance', '05:02:25', '05:02:37'),
      event('rebuild_server', '05:02:24', '05:02:25'),
    ];
    expect(actionWithEventsView(action, events, k5)).toEqual({
      action: 'rebuild',
      events: [
        {
          event: 'compute_stop_instance',
          finish_time: '2016-12-12T05:02:37.000000',
          result: 'Success',
          start_time: '2016-12-12T05:02:35.000000',
          traceback: null,
        },
        {
          event: 'compute_rebuild_instance',
          finish_time: '2016-12-12T05:02:37.000000',
          result: 'Success',
          start_time: '2016-12-12T05:02:25.000000',
          traceback: null,
        },
      ],
      instance_uuid: 'fee86478-a120-488f-8359-97d200564b90',
      message: null,
      project_id: 'bb46ff7286ed4e418958c2a5e06cd4a2',
      request_id: 'req-73190894-7461-4b1e-abf9-dc31b9a64ced',
      start_time: '2016-12-12T05:02:23.000000',
      user_id: '1f708e1376784e529a7b09eb5ff1a5fc',
    });
  });

  it("has the events of K5's first generation there, and Nova's in Nova", () => {
    const resize = [
      'compute_finish_resize',
      'compute_resize_instance',
      'compute_prep_resize',
      'cold_migrate',
      'conductor_migrate_server',
    ];
    expect(names(resize)).toEqual(resize.slice(0, 4));
    expect(names(resize, nova)).toEqual(resize);
    const unshelve = ['compute_unshelve_instance', 'schedule_instances', 'get_image_info'];
    expect(names(unshelve)).toEqual(unshelve.slice(0, 2));
    const shelve = ['compute_shelve_offload_instance', 'compute_shelve_instance'];
    expect(names(shelve)).toEqual(['compute_shelve_offload_instance']);
    expect(names(shelve, nova)).toEqual(['compute_shelve_instance']);
    expect(names(['compute_shelve_instance'])).toEqual(['compute_shelve_instance']);
  });

  it('has null for what has not ended, and Error for what failed', () => {
    const running = actionWithEventsView(action, [event('compute_rebuild_instance', '05:02:25', null)], k5);
    expect(running).toMatchObject({ message: null, events: [{ finish_time: null, result: null }] });
    const failed = actionWithEventsView({ ...action, hasFailed: true }, [], k5);
    expect(failed.message).toBe('Error');
  });

  it('shows tracebacks to administrators; from 2.51 on users do not see that there is one', () => {
    const events = [event('compute_rebuild_instance', '05:02:25', '05:02:37', { result: 'Error', traceback: 'why' })];
    const seen = (minor: number, isAdmin: boolean) =>
      actionWithEventsView(action, events, { profile: novaProfile, minor, isAdmin }).events[0];
    expect(seen(1, false)).toMatchObject({ traceback: null });
    expect(seen(51, false)).not.toHaveProperty('traceback');
    expect(seen(51, true)).toMatchObject({ traceback: 'why' });
  });
});
