import type { ActionsTable } from '../../database/schema.ts';
import type { Facts } from './facts.ts';
import { type Finding, remainingWork, violation } from './finding.ts';

/** An action whose turn it is and that nobody has held for so long is stuck, microseconds. */
const stuckAfter = 300_000_000;

/** Somebody walks every action whose turn it is. Parked ones wait for their next try. */
export function actionsProgress(facts: Facts): Finding[] {
  const heads = new Map<string, ActionsTable>();
  for (const action of facts.actions) {
    if (action.state !== 'parked' && !heads.has(action.resource_id)) heads.set(action.resource_id, action);
  }
  const stuck = [...heads.values()].filter(
    ({ lease_expires_at, updated_at }) => Math.max(lease_expires_at, updated_at) < facts.now - stuckAfter,
  );
  const parked = facts.actions.filter(({ state }) => state === 'parked');
  return [
    ...stuck.map(({ id, kind, resource_id }) =>
      violation('action-progresses', 'action', id, `Nobody goes on with ${kind} of ${resource_id}.`),
    ),
    ...parked.map(({ id, kind, resource_id }) =>
      remainingWork('action-progresses', 'action', id, `What is left of ${kind} of ${resource_id} is still tried.`),
    ),
  ];
}

/** Every action in the journal is one that this program can walk. */
export function actionsAreKnown(facts: Facts, kinds: ReadonlySet<string>): Finding[] {
  return facts.actions
    .filter(({ kind }) => !kinds.has(kind))
    .map(({ id, kind }) => violation('action-is-known', 'action', id, `This version does not know actions ${kind}.`));
}

/** Every failure that a user sees has its first cause stored. */
export function failuresHaveCauses(facts: Facts): Finding[] {
  return facts.causeless.map(({ id, kind }) =>
    violation('failure-has-cause', 'action', id, `${kind} has failed and does not say why.`),
  );
}

/** Whoever reads the log of an action that has ended sees how each part of it ended. */
export function eventsAreClosed(facts: Facts): Finding[] {
  return facts.openEvents.map(({ actionId, name, kind }) =>
    violation('events-are-closed', 'action', actionId, `${kind} has ended, but its event ${name} has not.`),
  );
}
