import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp, Search } from 'lucide-react';
import { type ReactNode, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Failed, Loading } from './basics.tsx';

export interface Column<Row> {
  id: string;
  title: string;
  /** A CSS grid track, as `minmax(160px, 2fr)`. */
  width: string;
  cell: (row: Row) => ReactNode;
  /** What the column is sorted and searched by. */
  value?: (row: Row) => string | number;
}

interface Props<Row> {
  label: string;
  rows: readonly Row[] | undefined;
  error?: Error | null;
  retry?: () => void;
  columns: ReadonlyArray<Column<Row>>;
  id: (row: Row) => string;
  /** The text to look for, and what to do when it changes: it belongs into the URL. */
  query: string;
  onQuery: (query: string) => void;
  filters?: ReactNode;
  selected?: ReadonlySet<string>;
  onSelect?: (ids: ReadonlySet<string>) => void;
  /** Shown beside the search while rows are selected. */
  bulk?: ReactNode;
  empty?: ReactNode;
}

const rowHeight = 46;

/** A list of any length: only the rows in sight are in the page. Searched, sorted, and with rows to select. */
export function Table<Row>(props: Props<Row>) {
  const { t } = useTranslation();
  const { columns, rows, query, selected, onSelect, id } = props;
  const [sort, setSort] = useState<{ column: string; down: boolean }>();
  const scroller = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => sorted(found(rows ?? [], columns, query), columns, sort), [rows, columns, query, sort]);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  });
  const tracks = [...(onSelect ? ['42px'] : []), ...columns.map(({ width }) => width)].join(' ');
  const toggle = (key: string) => {
    const next = new Set(selected);
    if (!next.delete(key)) next.add(key);
    onSelect?.(next);
  };
  const allSelected = shown.length > 0 && shown.every((row) => selected?.has(id(row)));
  return (
    <>
      <div className="toolbar">
        <div style={{ position: 'relative' }}>
          <Search
            size={15}
            aria-hidden
            style={{ position: 'absolute', left: 11, top: 11, color: 'var(--text-faint)' }}
          />
          <input
            className="input"
            style={{ paddingLeft: 33 }}
            type="search"
            placeholder={t('filter')}
            aria-label={t('filterList', { list: props.label })}
            value={query}
            onChange={(event) => props.onQuery(event.target.value)}
          />
        </div>
        {props.filters}
        <span className="soft small number" role="status">
          {rows ? t('countOf', { shown: shown.length, total: rows.length }) : ''}
        </span>
        <span style={{ flex: 1 }} />
        {selected && selected.size > 0 && props.bulk}
      </div>
      <div className="card table-card">
        <div
          className="table"
          ref={scroller}
          role="table"
          aria-label={props.label}
          aria-rowcount={shown.length + 1}
          tabIndex={0}
        >
          <div role="rowgroup" style={{ position: 'sticky', top: 0, zIndex: 2 }}>
            <div role="row" className="line head" style={{ gridTemplateColumns: tracks }}>
              {onSelect && (
                <span role="columnheader" className="pick">
                  <input
                    type="checkbox"
                    aria-label={t('selectAll')}
                    checked={allSelected}
                    onChange={() => onSelect(allSelected ? new Set() : new Set(shown.map(id)))}
                  />
                </span>
              )}
              {columns.map((column) => (
                <span
                  key={column.id}
                  role="columnheader"
                  aria-sort={sort?.column === column.id ? (sort.down ? 'descending' : 'ascending') : undefined}
                >
                  {column.value ? (
                    <button
                      type="button"
                      onClick={() => setSort({ column: column.id, down: sort?.column === column.id && !sort.down })}
                    >
                      {column.title}
                      {sort?.column === column.id &&
                        (sort.down ? <ArrowDown size={13} aria-hidden /> : <ArrowUp size={13} aria-hidden />)}
                    </button>
                  ) : (
                    column.title
                  )}
                </span>
              ))}
            </div>
          </div>
          {shown.length > 0 && (
            <div role="rowgroup" className="rows" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
              {virtual.getVirtualItems().map(({ index, start }) => {
                const row = shown[index]!;
                const key = id(row);
                return (
                  <div
                    key={key}
                    role="row"
                    aria-rowindex={index + 2}
                    className={selected?.has(key) ? 'line selected' : 'line'}
                    style={{ gridTemplateColumns: tracks, position: 'absolute', top: start, left: 0, right: 0 }}
                  >
                    {onSelect && (
                      <span role="cell" className="pick">
                        <input
                          type="checkbox"
                          aria-label={t('select', { name: columns[0]?.value?.(row) ?? key })}
                          checked={selected?.has(key) ?? false}
                          onChange={() => toggle(key)}
                        />
                      </span>
                    )}
                    {columns.map((column) => (
                      <span key={column.id} role="cell">
                        {column.cell(row)}
                      </span>
                    ))}
                  </div>
                );
              })}
            </div>
          )}
        </div>
        {props.error ? <Failed error={props.error} retry={props.retry} /> : !rows ? <Loading /> : null}
        {rows && !props.error && shown.length === 0 && (
          <div className="empty">{rows.length > 0 ? t('nothingFound') : (props.empty ?? t('nothingYet'))}</div>
        )}
      </div>
    </>
  );
}

function found<Row>(rows: readonly Row[], columns: ReadonlyArray<Column<Row>>, query: string): readonly Row[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const text = columns
      .map((column) => column.value?.(row) ?? '')
      .join('\n')
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function sorted<Row>(
  rows: readonly Row[],
  columns: ReadonlyArray<Column<Row>>,
  sort: { column: string; down: boolean } | undefined,
): readonly Row[] {
  const value = columns.find(({ id }) => id === sort?.column)?.value;
  if (!value || !sort) return rows;
  const sign = sort.down ? -1 : 1;
  return rows.toSorted((a, b) => sign * compare(value(a), value(b)));
}

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}
