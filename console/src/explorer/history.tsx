import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { Change, ChangeKind, Release } from '../../history/compare.ts';
import { Badge, type Tone } from '../components/basics.tsx';
import type { ListSearch } from '../router.tsx';
import { type Product, products } from './catalogue.ts';

const kinds: readonly ChangeKind[] = ['added', 'changed', 'deprecated', 'breaking', 'removed'];
const tones: Record<ChangeKind, Tone> = {
  added: 'good',
  changed: 'accent',
  deprecated: 'warn',
  breaking: 'bad',
  removed: 'bad',
};
/** A large new part of a request is told by its first fields. */
const maxDifferences = 24;

/** What releases changed, the newest first: made by comparing the OpenAPI documents of each with those before. */
function useHistory(): Release[] {
  const { data } = useQuery({
    queryKey: ['api-history'],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => (await import('./history.json')).default as Release[],
  });
  return data ?? [];
}

/** What became of one operation, release by release. */
export function OperationHistory({ product, id }: { product: Product; id: string }) {
  const { t } = useTranslation();
  const entries = useHistory().flatMap((release) =>
    release.changes
      .filter((change) => change.product === product && change.operation === id)
      .map((change) => ({ release, change })),
  );
  return (
    <>
      {entries.length === 0 && <p className="soft">{t('noHistory')}</p>}
      <ul className="stack">
        {entries.map(({ release, change }) => (
          <li key={release.version}>
            <b>{release.version}</b> <span className="soft">{release.date}</span>{' '}
            <Badge tone={tones[change.kind]}>{t(`change.${change.kind}`)}</Badge>
            <Differences change={change} />
          </li>
        ))}
      </ul>
      <a href="/explorer#history">{t('wholeHistory')}</a>
    </>
  );
}

function Differences({ change: { differences = [] } }: { change: Change }) {
  const { t } = useTranslation();
  if (differences.length === 0) return null;
  return (
    <ul className="differences small">
      {differences.slice(0, maxDifferences).map(({ check, at }) => (
        <li key={check + at}>
          {t(`check.${check}`)} <code>{at}</code>
        </li>
      ))}
      {differences.length > maxDifferences && (
        <li className="soft">{t('moreDifferences', { count: differences.length - maxDifferences })}</li>
      )}
    </ul>
  );
}

/** Every change of every API, to be narrowed to a kind of change and to an API; both stand in the address. */
export function WholeHistory() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const { status = '', tab = '' } = useSearch({ strict: false }) as ListSearch;
  const history = useHistory();
  const set = (change: Partial<ListSearch>) =>
    void navigate({
      search: ((old: ListSearch) => ({ ...old, ...change })) as never,
      replace: true,
      hash: 'history',
      resetScroll: false,
    });
  return (
    <section className="card" id="history" aria-labelledby="history-title">
      <header>
        <h2 id="history-title">{t('changeHistory')}</h2>
        <span className="row">
          <select
            className="select"
            style={{ width: 'auto', maxWidth: 240 }}
            aria-label={t('kindOfChange')}
            value={status}
            onChange={(event) => set({ status: event.target.value || undefined })}
          >
            <option value="">{t('everyKind')}</option>
            {kinds.map((kind) => (
              <option key={kind} value={kind}>
                {t(`change.${kind}`)}
              </option>
            ))}
          </select>
          <select
            className="select"
            style={{ width: 'auto', maxWidth: 240 }}
            aria-label={t('product')}
            value={tab}
            onChange={(event) => set({ tab: event.target.value || undefined })}
          >
            <option value="">{t('everyApi')}</option>
            {Object.entries(products).map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </span>
      </header>
      <div className="body stack">
        {history.length === 0 && <p className="soft">{t('noHistory')}</p>}
        {history.map(({ version, date, changes }) => {
          const shown = changes.filter(
            ({ kind, product }) => (!status || kind === status) && (!tab || product === tab),
          );
          return (
            <details key={version} open={status !== '' || tab !== ''}>
              <summary>
                <b>{version}</b> <span className="soft">{date}</span>{' '}
                <span className="small">{t('changesCount', { count: shown.length })}</span>
              </summary>
              <ul className="stack" style={{ gap: 4, paddingTop: 8 }}>
                {shown.map((change) => (
                  <li key={change.product + change.operation} className="small">
                    <Badge tone={tones[change.kind]}>{t(`change.${change.kind}`)}</Badge>{' '}
                    <Link to={`/explorer/${i18n.language}/${change.product}/${change.operation}` as '/'}>
                      {products[change.product as Product]}: {change.operation}
                    </Link>
                    <Differences change={change} />
                  </li>
                ))}
              </ul>
            </details>
          );
        })}
      </div>
    </section>
  );
}
