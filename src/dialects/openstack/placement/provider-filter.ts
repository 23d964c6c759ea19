import type { Call } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Aggregate } from '../../../cloud/hosts/aggregates.ts';
import type { Host } from '../../../cloud/hosts/model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { knownTraits, traitsOf } from './resources.ts';
import { since } from './versions.ts';

export type Query = Record<string, string | string[] | undefined>;

export function all(value: string | string[] | undefined): string[] {
  return [value ?? []].flat();
}

/** Ids of the aggregates that the host is in. */
export function aggregatesOf(host: Host, aggregates: readonly Aggregate[]): string[] {
  return aggregates.filter(({ hosts }) => hosts.includes(host.name)).map(({ id }) => withDashes(id));
}

/** Whether hosts have the traits, and are in the aggregates, that a query names. Throws `invalid` for unknown traits. */
export function fits(
  { context }: Pick<Call, 'context'>,
  query: Query,
  aggregates: readonly Aggregate[],
): (host: Host) => boolean {
  const required = all(query['required']).flatMap((text) => text.split(','));
  const mayForbid = since(context, 22);
  for (const trait of required) {
    const name = mayForbid ? trait.replace(/^!/, '') : trait;
    if (!knownTraits.includes(name)) throw new CloudError('invalid', `No such trait(s): ${name}.`);
  }
  const groups = all(query['member_of']).map((text) => text.replace(/^in:/, '').split(',').map(parseId));
  return (host) => {
    const traits = traitsOf(host);
    const isMember = (ids: Array<string | undefined>) =>
      aggregates.some(({ id, hosts }) => ids.includes(id) && hosts.includes(host.name));
    return (
      required.every((trait) => (trait.startsWith('!') ? !traits.includes(trait.slice(1)) : traits.includes(trait))) &&
      groups.every(isMember)
    );
  };
}
