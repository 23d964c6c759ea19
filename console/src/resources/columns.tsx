import { Link } from '@tanstack/react-router';
import { Badge, Status } from '../components/basics.tsx';
import type { Column } from '../components/table.tsx';
import { ago, bytes, dateTime } from '../lib/format.ts';
import { type Row, type Translate, text } from './resource.ts';

/** Columns that many kinds of resources have. */
export function columnsFor(t: Translate) {
  return {
    /** `to`: the page that a row has. */
    name: (to?: (row: Row) => string): Column<Row> => ({
      id: 'name',
      title: t('name'),
      width: 'minmax(180px, 2fr)',
      value: (row) => `${text(row, 'name')} ${row.id}`,
      cell: (row) => (
        <span title={row.id}>
          {to ? (
            <Link className="name" to={to(row) as '/'}>
              {text(row, 'name')}
            </Link>
          ) : (
            <b style={{ fontWeight: 560 }}>{text(row, 'name') || '–'}</b>
          )}{' '}
          <span className="mono small faint">{row.id.slice(0, 8)}</span>
        </span>
      ),
    }),
    status: (member = 'status'): Column<Row> => ({
      id: member,
      title: t('status'),
      width: 'minmax(140px, 1fr)',
      value: (row) => text(row, member),
      cell: (row) => <Status value={text(row, member)} />,
    }),
    plain: (member: string, title: string, width = 'minmax(110px, 1fr)'): Column<Row> => ({
      id: member,
      title,
      width,
      value: (row) => (typeof row[member] === 'number' ? (row[member] as number) : text(row, member)),
      cell: (row) => text(row, member) || '–',
    }),
    mono: (member: string, title: string, width = 'minmax(140px, 1.2fr)'): Column<Row> => ({
      id: member,
      title,
      width,
      value: (row) => text(row, member),
      cell: (row) => <span className="mono small">{text(row, member) || '–'}</span>,
    }),
    of: (
      id: string,
      title: string,
      value: (row: Row) => string | number,
      width = 'minmax(130px, 1.2fr)',
    ): Column<Row> => ({
      id,
      title,
      width,
      value,
      cell: (row) => String(value(row)) || '–',
    }),
    size: (id: string, title: string, count: (row: Row) => number): Column<Row> => ({
      id,
      title,
      width: 'minmax(90px, .8fr)',
      value: count,
      cell: (row) => <span className="number">{bytes(count(row))}</span>,
    }),
    flag: (member: string, title: string): Column<Row> => ({
      id: member,
      title,
      width: 'minmax(90px, .7fr)',
      value: (row) => text(row, member),
      cell: (row) =>
        row[member] === true ? <Badge tone="accent">{t('yes')}</Badge> : <span className="faint">{t('no')}</span>,
    }),
    time: (member: string, title: string): Column<Row> => ({
      id: member,
      title,
      width: 'minmax(110px, .9fr)',
      value: (row) => text(row, member),
      cell: (row) => (
        <span className="soft" title={dateTime(text(row, member))}>
          {ago(text(row, member))}
        </span>
      ),
    }),
  };
}
