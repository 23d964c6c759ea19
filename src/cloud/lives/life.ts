import { markdownTable } from './markdown-table.ts';

/** What may be asked of a resource, when, and what comes of it. */
export interface LifeTransition<State extends string> {
  from: readonly State[];
  /** The state meanwhile; `as before` where it stays what it is. */
  busy: State | 'as before';
  after: State | 'as before' | 'gone';
}

/** All that may be asked of a kind of resource, by what users call it. */
export type Life<State extends string> = Record<string, LifeTransition<State>>;

/** The Markdown table of a life: what is not in it is refused, or changes nothing. */
export function lifeTable<State extends string>(states: readonly State[], life: Life<State>): string[] {
  return markdownTable(
    ['asked', 'in these states', 'meanwhile', 'then'],
    Object.entries(life).map(([name, { from, busy, after }]) => [name, statesOf(states, from), busy, after]),
  );
}

/** Most of them are told by what they are not. */
function statesOf<State extends string>(states: readonly State[], from: readonly State[]): string {
  const others = states.filter((state) => !from.includes(state));
  if (others.length === 0) return 'any';
  return others.length < 3 && from.length > 4 ? `any but ${others.join(', ')}` : from.join(', ');
}
