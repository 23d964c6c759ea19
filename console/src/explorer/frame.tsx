import { Link, useNavigate } from '@tanstack/react-router';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { whenIdle } from '../lib/idle.ts';
import { type CatalogueEntry, type Product, products } from './catalogue.ts';
import { GroupName } from './group-name.tsx';
import { prepareSearch, search } from './search.ts';
import { chooseVersion, isLater, useChosenVersion, useVersions } from './versions.ts';

interface Props {
  catalogue: CatalogueEntry[];
  product: Product;
  current?: string;
  children: ReactNode;
}

/** Who has not found it among these types another word. */
const maxFound = 30;

/** The explorer's frame: which API, its operations by group, and the search over all of them. */
export function ExplorerFrame({ catalogue, product, current, children }: Props) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const [query, setQuery] = useState('');
  const version = useChosenVersion(product);
  const versions = useVersions(product, catalogue);
  const shown = useMemo(
    () =>
      query.trim()
        ? search(catalogue, query, i18n.language).slice(0, maxFound)
        : catalogue.filter((entry) => entry.product === product && !isLater(entry, version)),
    [catalogue, product, query, i18n.language, version],
  );
  useEffect(() => whenIdle(() => prepareSearch(catalogue)), [catalogue]);
  const groups = useMemo(
    () => Map.groupBy(shown, (entry) => (query.trim() ? products[entry.product] : entry.group)),
    [shown, query],
  );
  const currentGroup = catalogue.find((entry) => entry.product === product && entry.id === current)?.group;
  return (
    <div className="explorer">
      <nav className="explorer-nav" aria-label={t('operations')}>
        <select
          className="select"
          aria-label={t('product')}
          value={product}
          onChange={(event) => void navigate({ to: `/explorer/${i18n.language}/${event.target.value}` as '/' })}
        >
          {Object.entries(products)
            .filter(([name]) => catalogue.some((entry) => entry.product === name))
            .map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
        </select>
        {versions.length > 0 && (
          <select
            className="select"
            aria-label={t('apiVersion')}
            value={version ?? ''}
            onChange={(event) => chooseVersion(product, event.target.value || undefined)}
          >
            <option value="">{t('newestVersion')}</option>
            {versions.map((one) => (
              <option key={one} value={one}>
                {t('versionIs', { version: one })}
              </option>
            ))}
          </select>
        )}
        <input
          className="input"
          type="search"
          placeholder={t('searchOperations')}
          aria-label={t('searchOperations')}
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
        {shown.length === 0 && <p className="soft small">{t('nothingFound')}</p>}
        {[...groups].map(([group, entries]) => (
          <Group
            key={`${group} ${Boolean(query)}`}
            title={group}
            entries={entries}
            isOpenAtFirst={Boolean(query) || group === currentGroup || groups.size < 3}
          />
        ))}
      </nav>
      <div>{children}</div>
    </div>
  );
}

interface GroupProps {
  title: string;
  entries: readonly CatalogueEntry[];
  isOpenAtFirst: boolean;
}

/** Operations of one kind. Those of a closed group are not in the page: an API has hundreds. */
function Group({ title, entries, isOpenAtFirst }: GroupProps) {
  const { i18n } = useTranslation();
  const [chosen, choose] = useState<boolean>();
  const isOpen = chosen ?? isOpenAtFirst;
  return (
    <details open={isOpen} onToggle={(event) => choose(event.currentTarget.open)}>
      <summary>
        <GroupName of={title} /> <span className="faint small">{entries.length}</span>
      </summary>
      {isOpen && (
        <ul>
          {entries.map(({ key, product, id, method, titles }) => (
            <li key={key}>
              <Link to={`/explorer/${i18n.language}/${product}/${id}` as '/'}>
                <span className="verb" data-verb={method}>
                  {method}
                </span>
                {titles[i18n.language as 'en'] ?? titles.en}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}
