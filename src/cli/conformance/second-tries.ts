import type { Outcome } from './outcome.ts';

/**
 * Regular expressions that choose what failed: the test, or all tests of a class whose preparation failed (as
 * `setUpClass (tempest.api…)`).
 */
export function failedSelection(outcomes: readonly Outcome[]): string[] {
  return outcomes
    .filter(({ result }) => result === 'failed')
    .map(({ name }) => {
      const [, whole] = /^\w+ \((.+)\)$/.exec(name) ?? [];
      return whole ? `^${escaped(whole)}\\.` : `^${escaped(name)}(\\[|$)`;
    });
}

/** The outcomes with those of the second try in the place of what failed at the first. */
export function withSecondTries(first: readonly Outcome[], second: readonly Outcome[]): Outcome[] {
  const again = second.map((outcome) =>
    outcome.result === 'passed' ? { ...outcome, isSecondTry: true as const } : outcome,
  );
  const known = new Set(again.map(({ name }) => name));
  const classes = new Set(again.map(({ name }) => name.slice(0, name.lastIndexOf('.'))));
  const isReplaced = ({ name, result }: Outcome) => {
    const [, whole] = /^\w+ \((.+)\)$/.exec(name) ?? [];
    return known.has(name) || (result === 'failed' && whole !== undefined && classes.has(whole));
  };
  return [...first.filter((outcome) => !isReplaced(outcome)), ...again];
}

function escaped(name: string): string {
  return name.replaceAll('.', '\\.');
}
