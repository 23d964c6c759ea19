import { Link, useNavigate } from '@tanstack/react-router';
import { type ReactNode, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type CatalogueEntry, type Product, products } from './catalogue.ts';
import { search } from './search.ts';
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
  const language = i18n.language as 'en';
  const version = useChosenVersion(product);
  const versions = useVersions(product, catalogue);
  const shown = useMemo(
    () =>
      query.trim()
        ? search(catalogue, query, i18n.language).slice(0, maxFound)
        : catalogue.filter((entry) => entry.product === product && !isLater(entry, version)),
    [catalogue, product, query, i18n.language, version],
  );
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
          <details key={group} open={Boolean(query) || group === currentGroup || groups.size < 3}>
            <summary lang="en">
              {group} <span className="faint small">{entries.length}</span>
            </summary>
            <ul>
              {entries.map((entry) => (
                <li key={entry.key}>
                  <Link to={`/explorer/${i18n.language}/${entry.product}/${entry.id}` as '/'}>
                    <span className="verb" data-verb={entry.method}>
                      {entry.method}
                    </span>
                    {entry.titles[language] ?? entry.titles.en}
                  </Link>
                </li>
              ))}
            </ul>
          </details>
        ))}
      </nav>
      <div>{children}</div>
    </div>
  );
}
