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
      [key]: filtered(
        items.map((item) => view(base, item)),
        call.raw.url ?? '',
      ),
      links: { next: null, self: call.origin + call.raw.url, previous: null },
    },
  };
}

const comparisons: Record<string, (has: string, wants: string) => boolean> = {
  contains: (has, wants) => has.includes(wants),
  icontains: (has, wants) => has.toLowerCase().includes(wants.toLowerCase()),
  startswith: (has, wants) => has.startsWith(wants),
  istartswith: (has, wants) => has.toLowerCase().startsWith(wants.toLowerCase()),
  endswith: (has, wants) => has.endsWith(wants),
  iendswith: (has, wants) => has.toLowerCase().endsWith(wants.toLowerCase()),
  iexact: (has, wants) => has.toLowerCase() === wants.toLowerCase(),
};

/** Keystone's inexact filters, as `name__contains`, which all its lists take. */
function filtered(views: unknown[], url: string): unknown[] {
  const query = [...new URLSearchParams(url.split('?', 2)[1] ?? '')];
  const filters = query.flatMap(([name, wants]) => {
    const [, member, comparison] = /^(\w+?)__(\w+)$/.exec(name) ?? [];
    const compare = comparison === undefined ? undefined : comparisons[comparison];
    return compare && member
      ? [{ member, fits: (has: unknown) => typeof has === 'string' && compare(has, wants) }]
      : [];
  });
  if (filters.length === 0) return views;
  return views.filter((view) => filters.every(({ member, fits }) => fits((view as Record<string, unknown>)[member])));
}
