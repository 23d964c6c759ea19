import { Type } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import type { NewServer } from '../../../cloud/servers/creation.ts';
import { parseId } from '../../../env/env.ts';

/** Hints to the scheduler, as they stand beside the server in a request. */
export const SchedulerHints = Type.Optional(
  Type.Record(Type.String(), Type.Unknown(), {
    description:
      '`group`: the id of a server group. `same_host`: ids of servers, one of which is on the host that is chosen. ' +
      '`different_host`: ids of servers, none of which is. Both hold for where the server is made, not for later moves.',
  }),
);

type Hinted = Pick<NewServer, 'groupId' | 'besideServerIds' | 'awayFromServerIds'>;

/** What hints say in the engine's terms. Throws `invalid` for one that is not known here, and for what is no id. */
export function readHints(hints: Record<string, unknown>): Hinted {
  const { group, same_host, different_host, ...others } = hints;
  const [other] = Object.keys(others);
  if (other !== undefined) throw badHint(`The scheduler hint ${other} is not supported.`);
  return {
    groupId: group === undefined ? undefined : idOf('group', group, 'a server group'),
    besideServerIds: idsOf('same_host', same_host),
    awayFromServerIds: idsOf('different_host', different_host),
  };
}

/** One id, or a list of them. */
function idsOf(field: string, value: unknown): string[] | undefined {
  if (value === undefined) return undefined;
  return (Array.isArray(value) ? value : [value]).map((one: unknown) => idOf(field, one, 'a server'));
}

function idOf(field: string, value: unknown, kind: string): string {
  const id = typeof value === 'string' ? parseId(value) : undefined;
  if (id) return id;
  throw badHint(`Invalid input for field/attribute ${field}. Value: ${value}. It is no id of ${kind}.`);
}

function badHint(message: string): CloudError {
  return new CloudError('invalid', message, { field: 'os:scheduler_hints' });
}
