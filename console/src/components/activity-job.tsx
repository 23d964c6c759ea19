import { useQueryClient } from '@tanstack/react-query';
import { CircleStop } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { send } from '../lib/api.ts';
import type { Activity } from '../lib/types.ts';
import { toast } from './toast.tsx';

/** Asks an action that is under way to stop and to undo what it did. Nothing where there is nothing to stop. */
export function CancelActivity({ activity }: { activity: Activity }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  if (activity.finished_at !== null || activity.state === 'parked') return null;
  const cancel = async () => {
    await send({ method: 'POST', path: `/unkai/v1/activities/${activity.id}/cancel` }).then(
      () => toast('good', t('cancelAsked', { name: activity.name })),
      (failure: Error) => toast('bad', failure.message),
    );
    await client.invalidateQueries({ queryKey: ['activities'] });
    await client.invalidateQueries({ queryKey: ['activity', activity.id] });
  };
  return (
    <button type="button" className="button small" onClick={() => void cancel()}>
      <CircleStop size={14} aria-hidden /> {t('cancelActivity')}
    </button>
  );
}
