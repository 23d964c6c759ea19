import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { ImageUpdateImageMemberBody } from '../api/bodies.ts';
import { Notice } from '../components/basics.tsx';
import { toast } from '../components/toast.tsx';
import { get, send } from '../lib/api.ts';
import { useSession } from '../lib/session.ts';
import type { Image } from '../lib/types.ts';

const bare = (id: string | null | undefined) => (id ?? '').replaceAll('-', '');

/** Images that other projects share with this one, which it has neither taken nor declined. */
export function OfferedImages() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const project = useSession()?.project.id ?? '';
  const { data = [] } = useQuery({
    queryKey: ['images', 'offered'],
    queryFn: async ({ signal }) => {
      const path = '/image/v2/images?visibility=shared&member_status=pending&limit=100';
      return (await get<{ images: Image[] }>(path, signal)).images;
    },
  });
  // What is the project's own is in the same answer.
  const offered = data.filter(({ owner }) => bare(owner) !== bare(project));
  const answer = async ({ id }: Image, status: 'accepted' | 'rejected') => {
    const path = `/image/v2/images/${id}/members/${project}`;
    await send({ method: 'PUT', path, body: { status } satisfies ImageUpdateImageMemberBody }).then(
      () => toast('good', t('saved')),
      (failure: Error) => toast('bad', failure.message),
    );
    await client.invalidateQueries({ queryKey: ['images'] });
  };
  return offered.map((image) => (
    <Notice key={image.id} tone="none">
      <div className="row">
        <span>{t('imageOffered', { name: image.name ?? image.id })}</span>
        <button type="button" className="button small" onClick={() => void answer(image, 'accepted')}>
          {t('accept')}
        </button>
        <button type="button" className="button small" onClick={() => void answer(image, 'rejected')}>
          {t('decline')}
        </button>
      </div>
    </Notice>
  ));
}
