import { Type } from 'typebox';
import type { LoggedAction, LoggedEvent } from '../../../cloud/servers/log.ts';
import { withDashes } from '../../../env/env.ts';
import { isoMicros } from '../common/time.ts';
import type { Profile } from './profile.ts';
import { hostIdOf } from './server-view.ts';
import { Links, TextOrNull } from './wire.ts';

const Action = {
  action: Type.String(),
  instance_uuid: Type.String(),
  request_id: Type.String(),
  user_id: Type.String(),
  project_id: Type.String(),
  start_time: Type.String(),
  message: Type.Unsafe<string | null>({ type: ['string', 'null'], description: '`Error` for one that failed.' }),
  updated_at: Type.Optional(TextOrNull),
};

export const InstanceActionList = Type.Object({
  instanceActions: Type.Array(Type.Object(Action)),
  links: Type.Optional(Links),
});

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
        host: Type.Optional(
          Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'For administrators; from 2.62 on.' }),
        ),
        hostId: Type.Optional(Type.String({ description: 'From 2.62 on.' })),
        details: Type.Optional(
          Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'Why it failed; from 2.84 on.' }),
        ),
      }),
      { description: 'Those that began last come first. What was tried again is there for each try.' },
    ),
  }),
});

export function actionView(action: LoggedAction, minor: number) {
  return {
    action: action.name,
    instance_uuid: withDashes(action.serverId),
    request_id: action.requestId,
    user_id: action.userId,
    project_id: action.projectId,
    start_time: isoMicros(action.startedAt),
    message: action.hasFailed ? 'Error' : null,
    ...(minor >= 58 ? { updated_at: isoMicros(action.updatedAt) } : {}),
  };
}

export interface EventViewContext {
  profile: Profile;
  /** The microversion without its 2. */
  minor: number;
  isAdmin: boolean;
  /** Name of the host that the action was done on. */
  hostName?: string | null;
}

/** An action with its events, as the profile shows them. */
export function actionWithEventsView(
  action: LoggedAction,
  events: readonly LoggedEvent[],
  { profile, minor, isAdmin, hostName = null }: EventViewContext,
) {
  const names = new Set(events.map(({ name }) => name));
  const shown = events.filter(({ name }) => profile.showsEvent(name, names));
  return {
    ...actionView(action, minor),
    events: shown.map((event) => ({
      event: event.name,
      start_time: isoMicros(event.startedAt),
      finish_time: event.finishedAt === null ? null : isoMicros(event.finishedAt),
      result: event.result,
      // From 2.51 on users do not even see that there is one.
      ...(isAdmin || minor < 51 ? { traceback: isAdmin ? event.traceback : null } : {}),
      ...(minor >= 62 ? { hostId: hostName === null ? '' : hostIdOf(action.projectId, hostName) } : {}),
      ...(minor >= 62 && isAdmin ? { host: hostName } : {}),
      ...(minor >= 84 ? { details: causeOf(event.traceback) } : {}),
    })),
  };
}

/** What a traceback ends with. */
function causeOf(traceback: string | null): string | null {
  return traceback?.trimEnd().split('\n').at(-1)?.trim() ?? null;
}
