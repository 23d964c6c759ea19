import type { Call } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Aggregate } from '../../../cloud/hosts/aggregates.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import type { Provider } from './providers.ts';
import { knownTraits } from './resources.ts';
import { since } from './versions.ts';

export type Query = Record<string, string | string[] | undefined>;

export function all(value: string | string[] | undefined): string[] {
  return [value ?? []].flat();
}

/** Ids of the aggregates that the provider is in: those of its host, where it is one. */
export function aggregatesOf({ host, storageId }: Provider, aggregates: readonly Aggregate[]): string[] {
  if (storageId !== null) return [];
  return aggregates.filter(({ hosts }) => hosts.includes(host.name)).map(({ id }) => withDashes(id));
}

/** Whether providers have the traits, and are in the aggregates, that a query names. Throws `invalid` for unknown traits. */
export function fits(
  { context }: Pick<Call, 'context'>,
  query: Query,
  aggregates: readonly Aggregate[],
): (provider: Provider) => boolean {
  const required = all(query['required']).flatMap((text) => text.split(','));
  const mayForbid = since(context, 22);
  for (const trait of required) {
    const name = mayForbid ? trait.replace(/^!/, '') : trait;
    if (!knownTraits.includes(name)) throw new CloudError('invalid', `No such trait(s): ${name}.`);
  }
  const groups = all(query['member_of']).map((text) => text.replace(/^in:/, '').split(',').map(parseId));
  return (provider) => {
    const { traits } = provider;
    const members = aggregatesOf(provider, aggregates).map(parseId);
    const isMember = (ids: Array<string | undefined>) => members.some((id) => ids.includes(id));
    return (
      required.every((trait) => (trait.startsWith('!') ? !traits.includes(trait.slice(1)) : traits.includes(trait))) &&
      groups.every(isMember)
    );
  };
}
