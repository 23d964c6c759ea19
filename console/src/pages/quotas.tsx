import { useTranslation } from 'react-i18next';
import { Failed, Loading, Meter, PageHead } from '../components/basics.tsx';
import { bytes, number } from '../lib/format.ts';
import { useOverview } from '../lib/queries.ts';
import { useSession } from '../lib/session.ts';

const units: Record<string, number> = {
  ram_mb: 2 ** 20,
  gigabytes: 2 ** 30,
  backup_gigabytes: 2 ** 30,
  image_bytes: 1,
};

/** What the project may have, and how much of it it has. */
export function Quotas() {
  const { t } = useTranslation();
  const current = useSession();
  const { data, error } = useOverview();
  if (error) return <Failed error={error} />;
  if (!data) return <Loading />;
  return (
    <div className="page">
      <PageHead title={t('quotas')} text={t('quotasText', { project: current?.project.name })} />
      <div className="grid">
        {Object.entries(data.usage).map(([name, used]) => {
          const limit = data.limits[name] ?? -1;
          const unit = units[name];
          const show = (value: number) => (unit ? bytes(value * unit) : number(value));
          const label = t(`quota.${name}`, { defaultValue: name });
          return (
            <div key={name} className="card stat">
              <div className="label">{label}</div>
              <div className="value">
                {show(used)} <small>/ {limit < 0 ? t('unlimited') : show(limit)}</small>
              </div>
              {limit >= 0 && <Meter used={used} total={limit} label={label} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}
