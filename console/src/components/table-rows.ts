import { useEffect, useMemo } from 'react';
import { whenIdle } from '../lib/idle.ts';
import type { Column } from './table.tsx';

export interface Sorting {
  column: string;
  down: boolean;
}

/** The rows that have every word of the query, in the order that was chosen. Texts of rows are put together once. */
export function useShownRows<Row extends object>(
  rows: readonly Row[] | undefined,
  columns: ReadonlyArray<Column<Row>>,
  query: string,
  sorting: Sorting | undefined,
): readonly Row[] {
  const shape = columns.map(({ id }) => id).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: which columns there are decides, not what made them
  const textOf = useMemo(() => rowTexts(columns), [shape]);
  useEffect(() => {
    if (rows) return whenIdle(() => rows.forEach(textOf));
  }, [rows, textOf]);
  const found = useMemo(() => having(rows ?? [], textOf, query), [rows, textOf, query]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  return useMemo(() => sorted(found, columns, sorting), [found, shape, sorting]);
}

/** What a row is searched by: the values of its columns. Kept for as long as the row is. */
function rowTexts<Row extends object>(columns: ReadonlyArray<Column<Row>>): (row: Row) => string {
  const values = columns.flatMap(({ value }) => value ?? []);
  const known = new WeakMap<Row, string>();
  return (row) => {
    let text = known.get(row);
    if (text === undefined) {
      text = values
        .map((value) => value(row))
        .join('\n')
        .toLowerCase();
      known.set(row, text);
    }
    return text;
  };
}

function having<Row>(rows: readonly Row[], textOf: (row: Row) => string, query: string): readonly Row[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const text = textOf(row);
    return words.every((word) => text.includes(word));
  });
}

function sorted<Row>(
  rows: readonly Row[],
  columns: ReadonlyArray<Column<Row>>,
  sorting: Sorting | undefined,
): readonly Row[] {
  const value = columns.find(({ id }) => id === sorting?.column)?.value;
  if (!value || !sorting) return rows;
  const sign = sorting.down ? -1 : 1;
  return rows.toSorted((a, b) => sign * compare(value(a), value(b)));
}

const collator = new Intl.Collator(undefined, { numeric: true });

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return collator.compare(String(a), String(b));
}
