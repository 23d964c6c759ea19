import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp, Search } from 'lucide-react';
import { type CSSProperties, memo, type ReactNode, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Failed, Loading } from './basics.tsx';
import { type Sorting, useShownRows } from './table-rows.ts';
import { useTypedQuery } from './typed-query.ts';

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
export function Table<Row extends object>(props: Props<Row>) {
  const { t } = useTranslation();
  const { columns, rows, selected, onSelect, id } = props;
  const [query, setQuery] = useTypedQuery(props.query, props.onQuery);
  const [sorting, setSorting] = useState<Sorting>();
  const scroller = useRef<HTMLDivElement>(null);
  const shown = useShownRows(rows, columns, query, sorting);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    // Rows are there at the first drawing, before the place for them is measured.
    initialRect: { width: innerWidth, height: innerHeight },
  });
  const tracks = [...(onSelect ? ['42px'] : []), ...columns.map(({ width }) => width)].join(' ');
  const style = { '--tracks': tracks, '--narrow-tracks': narrow(tracks) } as CSSProperties;
  const toggle = useRef<(key: string) => void>(undefined);
  useEffect(() => {
    toggle.current = (key) => {
      const next = new Set(selected);
      if (!next.delete(key)) next.add(key);
      onSelect?.(next);
    };
  });
  // The same for ever: rows are drawn again only where something of them has changed.
  const [onToggle] = useState(() => (key: string) => toggle.current?.(key));
  return (
    <>
      <div className="toolbar">
        <SearchField label={t('filterList', { list: props.label })} text={query} onText={setQuery} />
        {props.filters}
        <span className="soft small number" role="status">
          {rows ? t('countOf', { shown: shown.length, total: rows.length }) : ''}
        </span>
        <span className="spring" />
        {selected && selected.size > 0 && props.bulk}
      </div>
      <div className="card table-card">
        <div
          className={rows && shown.length > 0 ? 'table' : 'table none'}
          style={style}
          ref={scroller}
          role="table"
          aria-label={props.label}
          aria-rowcount={shown.length + 1}
          tabIndex={0}
        >
          <div role="rowgroup" style={{ position: 'sticky', top: 0, zIndex: 2 }}>
            <Head
              columns={columns}
              sorting={sorting}
              onSorting={setSorting}
              allSelected={selected && shown.length > 0 && shown.every((row) => selected.has(id(row)))}
              onSelectAll={onSelect && ((all) => onSelect(all ? new Set(shown.map(id)) : new Set()))}
            />
          </div>
          {shown.length > 0 && (
            <div role="rowgroup" className="rows" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
              {virtual.getVirtualItems().map(({ index, start }) => {
                const row = shown[index]!;
                const key = id(row);
                return (
                  <Line
                    key={key}
                    name={key}
                    row={row as object}
                    columns={columns as ReadonlyArray<Column<object>>}
                    index={index}
                    top={start}
                    isSelected={selected?.has(key) ?? false}
                    onToggle={onSelect && onToggle}
                  />
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

/**
 * Where a line is wider than the page, the least of a track would grow with its share of the room: with shares that are
 * as its least widths, each has just that.
 */
function narrow(tracks: string): string {
  return tracks.replaceAll(/minmax\((\d+)px, [\d.]+fr\)/g, 'minmax($1px, $1fr)');
}

function SearchField({ label, text, onText }: { label: string; text: string; onText: (text: string) => void }) {
  const { t } = useTranslation();
  return (
    <div className="search-field">
      <Search size={15} aria-hidden />
      <input
        className="input"
        type="search"
        placeholder={t('filter')}
        aria-label={label}
        value={text}
        onChange={(event) => onText(event.target.value)}
      />
    </div>
  );
}

interface HeadProps<Row> {
  columns: ReadonlyArray<Column<Row>>;
  sorting: Sorting | undefined;
  onSorting: (sorting: Sorting) => void;
  allSelected?: boolean;
  onSelectAll?: (all: boolean) => void;
}

function Head<Row>({ columns, sorting, onSorting, allSelected = false, onSelectAll }: HeadProps<Row>) {
  const { t } = useTranslation();
  return (
    <div role="row" className="line head">
      {onSelectAll && (
        <span role="columnheader" className="pick">
          <input
            type="checkbox"
            aria-label={t('selectAll')}
            checked={allSelected}
            onChange={() => onSelectAll(!allSelected)}
          />
        </span>
      )}
      {columns.map(({ id, title, value }) => {
        const down = sorting?.column === id ? sorting.down : undefined;
        const Arrow = down ? ArrowDown : ArrowUp;
        return (
          <span
            key={id}
            role="columnheader"
            data-column={id}
            aria-sort={down === undefined ? undefined : down ? 'descending' : 'ascending'}
          >
            {value ? (
              <button type="button" onClick={() => onSorting({ column: id, down: down === false })}>
                {title}
                {down !== undefined && <Arrow size={13} aria-hidden />}
              </button>
            ) : (
              title
            )}
          </span>
        );
      })}
    </div>
  );
}

interface LineProps {
  name: string;
  row: object;
  columns: ReadonlyArray<Column<object>>;
  index: number;
  top: number;
  isSelected: boolean;
  onToggle?: (name: string) => void;
}

/** One row. It is drawn again only when something of it has changed. */
const Line = memo(function Line({ name, row, columns, index, top, isSelected, onToggle }: LineProps) {
  const { t } = useTranslation();
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={isSelected ? 'line selected' : 'line'}
      style={{ position: 'absolute', top, left: 0, right: 0 }}
    >
      {onToggle && (
        <span role="cell" className="pick">
          <input
            type="checkbox"
            aria-label={t('select', { name: columns[0]?.value?.(row) ?? name })}
            checked={isSelected}
            onChange={() => onToggle(name)}
          />
        </span>
      )}
      {columns.map((column) => (
        <span key={column.id} role="cell" data-column={column.id}>
          {column.cell(row)}
        </span>
      ))}
    </div>
  );
});
