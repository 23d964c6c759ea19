import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Upload } from 'lucide-react';
import { Tabs } from 'radix-ui';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Badge, PageHead, Status } from '../components/basics.tsx';
import { BulkBar, tell } from '../components/bulk-bar.tsx';
import { type Column, Table } from '../components/table.tsx';
import { toast } from '../components/toast.tsx';
import { ago, bytes, dateTime, moment } from '../lib/format.ts';
import { useImages } from '../lib/queries.ts';
import { sendAll } from '../lib/send-all.ts';
import type { Image } from '../lib/types.ts';
import type { ListSearch } from '../router.tsx';
import { OfferedImages } from './offered-images.tsx';
import type { ListProps } from './recycle-bin.tsx';
import { RecycleBin } from './recycle-bin.tsx';
import { UploadImage } from './upload-image.tsx';

/** Images, and the recycle bin that deleted ones wait in. */
export function Images() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { q = '', tab = 'images' } = useSearch({ strict: false }) as ListSearch;
  const [isUploading, setUploading] = useState(false);
  const set = (change: Partial<ListSearch>) =>
    void navigate({ search: ((old: ListSearch) => ({ ...old, ...change })) as never, replace: true });
  return (
    <div className="page full">
      <PageHead title={t('images')} text={t('imagesText')}>
        <button type="button" className="button primary" onClick={() => setUploading(true)}>
          <Upload size={16} aria-hidden /> {t('uploadImage')}
        </button>
      </PageHead>
      <Tabs.Root
        value={tab}
        onValueChange={(next) => set({ tab: next === 'images' ? undefined : next, q: undefined })}
        className="tab-page"
      >
        <Tabs.List className="tabs" aria-label={t('images')}>
          <Tabs.Trigger value="images">{t('images')}</Tabs.Trigger>
          <Tabs.Trigger value="bin">{t('recycleBin')}</Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content value="images" className="tab-page">
          <OfferedImages />
          <ImageList query={q} onQuery={(text) => set({ q: text || undefined })} />
        </Tabs.Content>
        <Tabs.Content value="bin" className="tab-page">
          <RecycleBin query={q} onQuery={(text) => set({ q: text || undefined })} />
        </Tabs.Content>
      </Tabs.Root>
      <UploadImage open={isUploading} onClose={() => setUploading(false)} />
    </div>
  );
}

function ImageList({ query, onQuery }: ListProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data, error, refetch } = useImages();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const remove = async () => {
    const { done, failures } = await sendAll(
      [...selected].map((id) => ({ method: 'DELETE', path: `/image/v2/images/${id}` })),
    );
    tell(failures);
    if (done > 0) toast('good', t('movedToBin', { count: done }));
    setSelected(new Set());
    await client.invalidateQueries({ queryKey: ['images'] });
    await client.invalidateQueries({ queryKey: ['deleted-images'] });
  };
  const columns: Array<Column<Image>> = [
    {
      id: 'name',
      title: t('name'),
      width: 'minmax(200px, 2fr)',
      value: (image) => image.name ?? image.id,
      cell: (image) => (
        <Link className="name" to={`/ui/images/${image.id}` as '/'}>
          {image.name ?? image.id}
        </Link>
      ),
    },
    {
      id: 'status',
      title: t('status'),
      width: 'minmax(120px, 1fr)',
      value: (image) => image.status,
      cell: (image) => <Status value={image.status} />,
    },
    {
      id: 'visibility',
      title: t('visibility'),
      width: 'minmax(110px, 1fr)',
      value: (image) => image.visibility,
      cell: (image) => <Badge plain>{image.visibility}</Badge>,
    },
    {
      id: 'format',
      title: t('format'),
      width: 'minmax(90px, .7fr)',
      value: (image) => image.disk_format ?? '',
      cell: (image) => image.disk_format,
    },
    {
      id: 'size',
      title: t('size'),
      width: 'minmax(100px, .8fr)',
      value: (image) => image.size ?? 0,
      cell: (image) => <span className="number">{bytes(image.size)}</span>,
    },
    {
      id: 'created',
      title: t('created'),
      width: 'minmax(120px, 1fr)',
      value: (image) => moment(image.created_at).getTime(),
      cell: (image) => (
        <span className="soft" title={dateTime(image.created_at)}>
          {ago(image.created_at)}
        </span>
      ),
    },
  ];
  return (
    <Table
      label={t('images')}
      rows={data}
      error={error}
      retry={() => void refetch()}
      columns={columns}
      id={(image) => image.id}
      query={query}
      onQuery={onQuery}
      selected={selected}
      onSelect={setSelected}
      bulk={<BulkBar count={selected.size} actions={[{ id: 'delete', run: () => void remove() }]} />}
    />
  );
}
