import type { ActionsTable } from '../../database/schema.ts';
import { type Finding, type Invariant, remainingWork, violation } from './finding.ts';

/** What of an action says what it works on. */
export type Owner = Pick<ActionsTable, 'id' | 'kind' | 'state' | 'resource_id' | 'input'>;

/** Which actions are at work on what. */
export interface Owners {
  /** An action of the resource itself goes on: its states may be transitional. */
  isBusy(resourceId: string): boolean;
  /** The action that has to do with the thing, if one has: one that goes on rather than one that is parked. */
  of(id: string): Owner | undefined;
}

/** An action owns its resource, and every thing that its input names: disks, images, volumes. */
export function ownersOf(actions: readonly Owner[]): Owners {
  const owners = new Map<string, Owner>();
  const busy = new Set<string>();
  for (const action of actions) {
    if (action.state !== 'parked') busy.add(action.resource_id);
    for (const id of [action.resource_id, ...idsIn(action.input)]) {
      const known = owners.get(id);
      if (!known || known.state === 'parked') owners.set(id, action);
    }
  }
  return { isBusy: (id) => busy.has(id), of: (id) => owners.get(id) };
}

/**
 * What to say of a thing that should not be: nothing while an action works on it, that work remains when the action is
 * parked, and a violation when nobody cares for it.
 */
export function unlessOwned(
  owners: Owners,
  thing: { invariant: Invariant; resource: string; id: string },
  ownedBy: readonly (string | null | undefined)[],
  text: string,
): Finding[] {
  const found = ownedBy.flatMap((id) => (id ? (owners.of(id) ?? []) : []));
  if (found.some(({ state }) => state !== 'parked')) return [];
  const { invariant, resource, id } = thing;
  const [parked] = found;
  if (!parked) return [violation(invariant, resource, id, text)];
  return [
    remainingWork(invariant, resource, id, `${text} The parked action ${parked.id} (${parked.kind}) cares for it.`),
  ];
}

/** Every id that is named in JSON text. */
function idsIn(json: string): string[] {
  return json.match(/(?<=")[0-9a-f]{32}(?=")/g) ?? [];
}
