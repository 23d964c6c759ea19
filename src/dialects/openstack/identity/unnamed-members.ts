import type { Options } from '../../../cloud/identity/model.ts';

interface Named {
  properties: object;
}

/**
 * Members of a request that neither it nor the answer has a meaning for: Keystone keeps them and shows them. Undefined
 * where there are none.
 */
export function unnamedMembers(given: object, ...named: readonly Named[]): Options | undefined {
  const unnamed = Object.entries(given).filter(([name]) =>
    named.every(({ properties }) => !Object.hasOwn(properties, name)),
  );
  return unnamed.length === 0 ? undefined : Object.fromEntries(unnamed);
}
