import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ImageUpdateImageBody, NativeResyncImageCopiesBody } from '../api/bodies.ts';
import { Badge, CopyButton, Facts, Failed, Loading, PageHead, Status } from '../components/basics.tsx';
import { FormDialog } from '../components/form.tsx';
import { ActionMenu } from '../components/menu.tsx';
import { Timeline } from '../components/timeline.tsx';
import { toast } from '../components/toast.tsx';
import { type ApiCall, get, send } from '../lib/api.ts';
import { bytes, dateTime } from '../lib/format.ts';
import { useSession } from '../lib/session.ts';
import type { Image, ImageCopy } from '../lib/types.ts';
import { ImageMembers } from './image-members.tsx';

/** Whether the copy is neither there nor has failed. */
function isUnderWay({ state }: ImageCopy): boolean {
  return !['ready', 'active', 'error', 'deleted'].includes(state);
}

/** One image: what it is, where its copies are, and whom it is shared with. */
export function ImagePage() {
  const { t } = useTranslation();
  const { id } = useParams({ strict: false }) as { id: string };
  const navigate = useNavigate();
  const client = useQueryClient();
  const current = useSession();
  const [form, setForm] = useState<'rename' | 'share' | 'delete'>();
  const {
    data: image,
    error,
    refetch,
  } = useQuery({
    queryKey: ['image', id],
    queryFn: ({ signal }) => get<Image>(`/image/v2/images/${id}`, signal),
  });
  const copies = useQuery({
    queryKey: ['image', id, 'copies'],
    queryFn: async ({ signal }) => (await get<{ copies: ImageCopy[] }>(`/unkai/v1/images/${id}/copies`, signal)).copies,
    refetchInterval: ({ state }) => (state.data?.some((one) => isUnderWay(one)) ? 2000 : false),
  });
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!image) return <Loading />;
  const path = `/image/v2/images/${id}`;
  const mine = image.owner?.replaceAll('-', '') === current?.project.id.replaceAll('-', '') || current?.isAdmin;
  const why = mine ? undefined : t('why.notYours');
  const run = async (call: ApiCall, words: string) => {
    await send(call);
    toast('good', words);
    await client.invalidateQueries({ queryKey: ['image', id] });
    await client.invalidateQueries({ queryKey: ['images'] });
  };
  const patch = (name: string, value: unknown): ApiCall => ({
    method: 'PATCH',
    path,
    body: [{ op: 'replace', path: `/${name}`, value }] satisfies ImageUpdateImageBody,
  });
  const quietly = (call: ApiCall) =>
    void run(call, t('saved')).catch((failure: Error) => toast('bad', failure.message));
  const known = new Set([
    'id',
    'name',
    'status',
    'visibility',
    'disk_format',
    'container_format',
    'size',
    'virtual_size',
    'min_disk',
    'min_ram',
    'owner',
    'protected',
    'created_at',
    'updated_at',
    'checksum',
    'self',
    'file',
    'schema',
    'tags',
    'os_hash_algo',
    'os_hash_value',
    'os_hidden',
    'stores',
    'description',
    'locations',
  ]);
  return (
    <div className="page">
      <PageHead
        title={image.name ?? id}
        text={
          <span className="row">
            <Status value={image.status} />
            <Badge plain>{image.visibility}</Badge>
            {image.protected && <Badge tone="accent">{t('protected')}</Badge>}
            <span className="mono small">{id}</span>
            <CopyButton text={id} label={t('copyId')} />
          </span>
        }
        crumbs={<Link to={'/ui/images' as '/'}>{t('images')}</Link>}
      >
        <ActionMenu
          label={t('actions')}
          actions={() => [
            { id: 'rename', label: t('rename'), why, run: () => setForm('rename') },
            ...(image.visibility === 'shared' || image.visibility === 'private'
              ? [
                  {
                    id: 'visibility',
                    label: image.visibility === 'shared' ? t('makePrivate') : t('makeShared'),
                    why,
                    run: () => quietly(patch('visibility', image.visibility === 'shared' ? 'private' : 'shared')),
                  },
                ]
              : []),
            {
              id: 'protect',
              label: image.protected ? t('unprotect') : t('protect'),
              why,
              run: () => quietly(patch('protected', !image.protected)),
            },
            {
              id: 'deactivate',
              label: image.status === 'deactivated' ? t('reactivate') : t('deactivate'),
              why:
                why ??
                (['active', 'deactivated'].includes(image.status)
                  ? undefined
                  : t('why.state', { status: image.status, states: 'active' })),
              run: () =>
                quietly({
                  method: 'POST',
                  path: `${path}/actions/${image.status === 'deactivated' ? 'reactivate' : 'deactivate'}`,
                }),
            },
            {
              id: 'delete',
              label: t('action.delete'),
              danger: true,
              why: why ?? (image.protected ? t('why.protected') : undefined),
              run: () => setForm('delete'),
            },
          ]}
        />
      </PageHead>
      <div className="grid two">
        <section className="card">
          <header>
            <h2>{t('about')}</h2>
          </header>
          <div className="body">
            <Facts
              items={[
                [t('description'), image.description],
                [t('format'), image.disk_format],
                [t('size'), bytes(image.size)],
                [t('virtualSize'), bytes(image.virtual_size)],
                [t('minDisk'), `${image.min_disk} GiB`],
                [t('minMemory'), `${image.min_ram} MiB`],
                [t('created'), dateTime(image.created_at)],
                [t('updated'), dateTime(image.updated_at)],
                [
                  'MD5',
                  image.checksum && (
                    <span key="md5" className="mono small">
                      {image.checksum}
                    </span>
                  ),
                ],
                ...Object.entries(image)
                  .filter(([key]) => !known.has(key))
                  .map(([key, value]): [string, string] => [key, String(value)]),
              ]}
            />
          </div>
        </section>
        <div className="stack" style={{ gap: 16 }}>
          <section className="card">
            <header>
              <h2>{t('copies')}</h2>
              <button
                type="button"
                className="button small"
                disabled={why !== undefined || image.status !== 'active'}
                title={why ?? t('resyncText')}
                onClick={() =>
                  void run(
                    {
                      method: 'POST',
                      path: `/unkai/v1/images/${id}/copies/resync`,
                      body: {} satisfies NativeResyncImageCopiesBody,
                    },
                    t('resyncing'),
                  ).catch((failure: Error) => toast('bad', failure.message))
                }
              >
                {t('resync')}
              </button>
            </header>
            {copies.data?.length === 0 && <p className="empty">{t('noCopies')}</p>}
            <ul className="feed">
              {(copies.data ?? []).map((one) => (
                <li key={one.image_store_id}>
                  <Badge
                    tone={one.state === 'ready' || one.state === 'active' ? 'good' : one.last_error ? 'bad' : 'busy'}
                  >
                    {isUnderWay(one) && one.progress > 0 ? `${one.state} ${Math.round(one.progress)} %` : one.state}
                  </Badge>
                  <span>
                    {one.image_store} <span className="small soft">{one.last_error}</span>
                  </span>
                  <span className="number soft">{bytes(one.size)}</span>
                </li>
              ))}
            </ul>
          </section>
          {image.visibility === 'shared' && <ImageMembers id={id} why={why} />}
          <Timeline resourceId={id} />
        </div>
      </div>
      <FormDialog
        open={form === 'rename'}
        onClose={() => setForm(undefined)}
        title={t('rename')}
        fields={[{ name: 'name', label: t('name'), required: true, initial: image.name ?? '' }]}
        toCall={({ name }) => patch('name', name)}
        submit={(call) => run(call, t('saved'))}
        submitLabel={t('save')}
      />
      <FormDialog
        open={form === 'delete'}
        onClose={() => setForm(undefined)}
        title={t('action.delete')}
        text={t('deleteImageText', { name: image.name ?? id })}
        danger
        fields={[]}
        toCall={() => ({ method: 'DELETE', path })}
        submit={async (call) => {
          await run(call, t('movedToBin', { count: 1 }));
          void navigate({ to: '/ui/images' as '/', search: { tab: 'bin' } as never });
        }}
        submitLabel={t('action.delete')}
      />
    </div>
  );
}
