import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ImageCreateImageMemberBody } from '../api/bodies.ts';
import { Status } from '../components/basics.tsx';
import { FormDialog } from '../components/form.tsx';
import { toast } from '../components/toast.tsx';
import { type ApiCall, get, send } from '../lib/api.ts';
import type { ImageMember } from '../lib/types.ts';

/** Whom an image is shared with, and whether they took it. `why`: why it can't be changed. */
export function ImageMembers({ id, why }: { id: string; why: string | undefined }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [isSharing, setSharing] = useState(false);
  const path = `/image/v2/images/${id}/members`;
  const { data } = useQuery({
    queryKey: ['image', id, 'members'],
    queryFn: async ({ signal }) => (await get<{ members: ImageMember[] }>(path, signal)).members,
  });
  const run = async (call: ApiCall) => {
    await send(call);
    toast('good', t('saved'));
    await client.invalidateQueries({ queryKey: ['image', id, 'members'] });
  };
  return (
    <section className="card">
      <header>
        <h2>{t('members')}</h2>
        <button
          type="button"
          className="button small"
          disabled={why !== undefined}
          title={why}
          onClick={() => setSharing(true)}
        >
          {t('share')}
        </button>
      </header>
      {data?.length === 0 && <p className="empty">{t('noMembers')}</p>}
      <ul className="feed">
        {data?.map(({ member_id, status }) => (
          <li key={member_id}>
            <Status value={status} />
            <span className="what mono small">{member_id}</span>
            <button
              type="button"
              className="button small danger"
              aria-label={t('actionOf', { action: t('unshare'), name: member_id })}
              disabled={why !== undefined}
              onClick={() =>
                void run({ method: 'DELETE', path: `${path}/${member_id}` }).catch((failure: Error) =>
                  toast('bad', failure.message),
                )
              }
            >
              {t('unshare')}
            </button>
          </li>
        ))}
      </ul>
      <FormDialog
        open={isSharing}
        onClose={() => setSharing(false)}
        title={t('share')}
        text={t('shareText')}
        fields={[{ name: 'member', label: t('projectId'), required: true }]}
        toCall={({ member }) => ({ method: 'POST', path, body: { member } satisfies ImageCreateImageMemberBody })}
        submit={run}
        submitLabel={t('share')}
      />
    </section>
  );
}
