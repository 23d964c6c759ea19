import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Meter, Notice } from '../components/basics.tsx';
import { dryRun } from '../lib/dry-run.ts';
import { bytes, number } from '../lib/format.ts';
import { useOverview } from '../lib/queries.ts';
import { type Draft, draftCall } from '../lib/server-draft.ts';
import type { Flavor } from '../lib/types.ts';

/** What the servers take of the project's quota, before they are asked for. */
export function Effect({ flavor, count }: { flavor: Flavor | undefined; count: number }) {
  const { t } = useTranslation();
  const { data } = useOverview();
  if (!data || !flavor || !(count > 0)) return null;
  const rows: Array<[string, string, number, (n: number) => string]> = [
    [t('servers'), 'instances', count, number],
    ['vCPU', 'cores', flavor.vcpus * count, number],
    [t('memory'), 'ram_mb', flavor.ram * count, (mb) => bytes(mb * 2 ** 20)],
  ];
  return (
    <div className="stack">
      {rows.map(([label, key, more, show]) => {
        const used = data.usage[key] ?? 0;
        const limit = data.limits[key] ?? -1;
        return (
          <div key={key}>
            <div className="row" style={{ justifyContent: 'space-between' }}>
              <span>{label}</span>
              <span className="number soft">
                {show(used)} <b>+ {show(more)}</b> / {limit < 0 ? t('unlimited') : show(limit)}
              </span>
            </div>
            {limit >= 0 && <Meter used={used + more} total={limit} label={label} />}
          </div>
        );
      })}
    </div>
  );
}

/** Whether quota and capacity suffice for what is chosen: the cloud itself says it, and which host it would take. */
export function Check({ draft, isSettled }: { draft: Draft; isSettled: boolean }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  // A name changes nothing about it, and comes last with many people.
  const call = draftCall({ ...draft, name: draft.name.trim() || 'server' });
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['servers', 'dry run', call],
    enabled: isSettled,
    retry: false,
    queryFn: () => dryRun(call),
  });
  const host = data?.placement?.[0]?.hosts[0];
  const again = () => {
    void client.invalidateQueries({ queryKey: ['overview'] });
    void refetch();
  };
  return (
    <div className="stack" aria-live="polite">
      {data && !error && <Notice tone="good">{host ? t('dryRunFine', { host }) : t('dryRunTakes')}</Notice>}
      {error && <Notice tone="bad">{error.message}</Notice>}
      {!data && !error && <p className="soft small">{t('checking')}</p>}
      <div className="row">
        <button type="button" className="button small" disabled={isFetching} onClick={again}>
          {t('dryRun')}
        </button>
      </div>
    </div>
  );
}
