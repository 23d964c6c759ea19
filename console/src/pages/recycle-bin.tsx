import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { type Column, Table } from '../components/table.tsx';
import { toast } from '../components/toast.tsx';
import { get, send } from '../lib/api.ts';
import { ago, bytes, dateTime } from '../lib/format.ts';
import type { DeletedImage } from '../lib/types.ts';

export interface ListProps {
  query: string;
  onQuery: (query: string) => void;
}

/** Deleted images, until their bytes are: they come back, or go at once. */
export function RecycleBin({ query, onQuery }: ListProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data, error, refetch } = useQuery({
    queryKey: ['deleted-images'],
    queryFn: async ({ signal }) => (await get<{ images: DeletedImage[] }>('/unkai/v1/deleted-images', signal)).images,
  });
  const act = async (image: DeletedImage, method: string, path: string, words: string) => {
    await send({ method, path: `/unkai/v1/deleted-images/${image.id}${path}` }).then(
      () => toast('good', t(words, { name: image.name ?? image.id })),
      (failure: Error) => toast('bad', failure.message),
    );
    await client.invalidateQueries({ queryKey: ['images'] });
    await client.invalidateQueries({ queryKey: ['deleted-images'] });
  };
  const columns: Array<Column<DeletedImage>> = [
    {
      id: 'name',
      title: t('name'),
      width: 'minmax(200px, 2fr)',
      value: (image) => image.name ?? image.id,
      cell: (image) => <b>{image.name ?? image.id}</b>,
    },
    {
      id: 'size',
      title: t('size'),
      width: 'minmax(100px, .8fr)',
      value: (image) => image.size ?? 0,
      cell: (image) => <span className="number">{bytes(image.size)}</span>,
    },
    {
      id: 'deleted',
      title: t('deletedAt'),
      width: 'minmax(140px, 1fr)',
      value: (image) => image.deleted_at ?? '',
      cell: (image) => ago(image.deleted_at),
    },
    {
      id: 'expunge',
      title: t('expungeAt'),
      width: 'minmax(170px, 1.2fr)',
      value: (image) => image.expunge_at ?? '',
      cell: (image) => <span title={dateTime(image.expunge_at)}>{ago(image.expunge_at)}</span>,
    },
    {
      id: 'actions',
      title: '',
      width: '230px',
      cell: (image) => (
        <span className="row" style={{ flexWrap: 'nowrap' }}>
          <button
            type="button"
            className="button small"
            aria-label={t('actionOf', { action: t('recover'), name: image.name ?? image.id })}
            onClick={() => void act(image, 'POST', '/recover', 'recovered')}
          >
            {t('recover')}
          </button>
          <button
            type="button"
            className="button small danger"
            aria-label={t('actionOf', { action: t('expunge'), name: image.name ?? image.id })}
            onClick={() => void act(image, 'DELETE', '', 'expunged')}
          >
            {t('expunge')}
          </button>
        </span>
      ),
    },
  ];
  return (
    <Table
      label={t('recycleBin')}
      rows={data}
      error={error}
      retry={() => void refetch()}
      columns={columns}
      id={(image) => image.id}
      query={query}
      onQuery={onQuery}
      empty={<p>{t('binEmpty')}</p>}
    />
  );
}
