import { Type } from 'typebox';
import type { LoggedAction, LoggedEvent } from '../../../cloud/servers/log.ts';
import { withDashes } from '../../../env/env.ts';
import { isoMicros } from '../common/time.ts';
import type { Profile } from './profile.ts';
import { TextOrNull } from './wire.ts';

const Action = {
  action: Type.String(),
  instance_uuid: Type.String(),
  request_id: Type.String(),
  user_id: Type.String(),
  project_id: Type.String(),
  start_time: Type.String(),
  message: Type.Unsafe<string | null>({ type: ['string', 'null'], description: '`Error` for one that failed.' }),
};

export const InstanceActionList = Type.Object({ instanceActions: Type.Array(Type.Object(Action)) });

export const InstanceActionDocument = Type.Object({
  instanceAction: Type.Object({
    ...Action,
    events: Type.Array(
      Type.Object({
        event: Type.String(),
        start_time: Type.String(),
        finish_time: TextOrNull,
        result: Type.Unsafe<string | null>({
          type: ['string', 'null'],
          description: '`Success` or `Error`; null while it is under way.',
        }),
        traceback: Type.Optional(
          Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'For administrators.' }),
        ),
      }),
      { description: 'Those that began last come first. What was tried again is there for each try.' },
    ),
  }),
});

export function actionView(action: LoggedAction) {
  return {
    action: action.name,
    instance_uuid: withDashes(action.serverId),
    request_id: action.requestId,
    user_id: action.userId,
    project_id: action.projectId,
    start_time: isoMicros(action.startedAt),
    message: action.hasFailed ? 'Error' : null,
  };
}

export interface EventViewContext {
  profile: Profile;
  /** The microversion without its 2. */
  minor: number;
  isAdmin: boolean;
}

/** An action with its events, as the profile shows them. */
export function actionWithEventsView(
  action: LoggedAction,
  events: readonly LoggedEvent[],
  { profile, minor, isAdmin }: EventViewContext,
) {
  const names = new Set(events.map(({ name }) => name));
  const shown = events.filter(({ name }) => profile.showsEvent(name, names));
  return {
    ...actionView(action),
    events: shown.map((event) => ({
      event: event.name,
      start_time: isoMicros(event.startedAt),
      finish_time: event.finishedAt === null ? null : isoMicros(event.finishedAt),
      result: event.result,
      // From 2.51 on users do not even see that there is one.
      ...(isAdmin || minor < 51 ? { traceback: isAdmin ? event.traceback : null } : {}),
    })),
  };
}
