import type { Call } from '../../../api/operation.ts';

type Request = Pick<Call, 'base' | 'origin' | 'raw'>;

/** Where Keystone's links start. */
export function v3(call: Pick<Call, 'base'>): string {
  return `${call.base}/v3`;
}

/** A list as Keystone gives it: whole, with links all the same. */
export function list<Item>(
  call: Request,
  key: string,
  items: readonly Item[],
  view: (base: string, item: Item) => unknown,
) {
  const base = v3(call);
  return {
    body: {
      [key]: items.map((item) => view(base, item)),
      links: { next: null, self: call.origin + call.raw.url, previous: null },
    },
  };
}
