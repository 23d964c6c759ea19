import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { unlessOwned } from './owners.ts';

const atRest: ReadonlySet<string> = new Set(['available', 'error']);

/** Backups are in a state that lasts, and those that can be used have their bytes. */
export function backupsAreWhole(facts: Facts): Finding[] {
  const stored = new Set(facts.storedBackups.backups);
  return [...facts.backups.values()].flatMap(({ id, status, data_id, volume_id }) => {
    if (!atRest.has(status)) {
      const thing = { invariant: 'state-is-final', resource: 'backup', id } as const;
      return unlessOwned(
        facts.owners,
        thing,
        [id, volume_id],
        `The backup is ${status}, and nothing is at work on it.`,
      );
    }
    if (status !== 'available' || stored.has(data_id ?? id)) return [];
    const thing = { invariant: 'backup-has-bytes', resource: 'backup', id } as const;
    return unlessOwned(facts.owners, thing, [id], 'The backup is available, and its bytes are not in the store.');
  });
}

/** Everything in the backup store belongs to a backup, or to work that goes on. */
export function bytesHaveBackups(facts: Facts): Finding[] {
  const known = new Set([...facts.backups.values()].map(({ id, data_id }) => data_id ?? id));
  const nobodys = facts.storedBackups.backups.filter((id) => !known.has(id));
  return [
    ...nobodys.flatMap((id) => {
      const thing = { invariant: 'bytes-have-backup', resource: 'backup', id } as const;
      return unlessOwned(facts.owners, thing, [id], "The backup store has bytes that are no backup's.");
    }),
    ...facts.storedBackups.others.flatMap(({ name, id }) => {
      const thing = { invariant: 'no-stray-files', resource: 'backup store', id } as const;
      return unlessOwned(facts.owners, thing, [id], `There is a file ${name} left over.`);
    }),
  ];
}
