import { useTranslation } from 'react-i18next';
import { toast } from './toast.tsx';

interface Props {
  /** How many rows are chosen. */
  count: number;
  actions: ReadonlyArray<{ id: string; run: () => void }>;
}

/** What can be done with all rows that are chosen; actions by the ends of their words' keys. */
export function BulkBar({ count, actions }: Props) {
  const { t } = useTranslation();
  return (
    <span className="row">
      <b className="number">{t('selected', { count })}</b>
      {actions.map(({ id, run }) => (
        <button
          key={id}
          type="button"
          className={id === 'delete' ? 'button small danger' : 'button small'}
          onClick={run}
        >
          {t(`action.${id}`)}
        </button>
      ))}
    </span>
  );
}

const maxTold = 3;

/** Tells the first few of the failures that many calls may have had. */
export function tell(failures: readonly Error[]): void {
  for (const { message } of failures.slice(0, maxTold)) toast('bad', message);
}
