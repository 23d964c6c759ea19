import { Link, useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Loading, PageHead } from '../components/basics.tsx';
import { type Product, products, useCatalogue } from './catalogue.ts';
import { ExplorerFrame } from './frame.tsx';
import { useHistory } from './history.tsx';

/** Where the explorer begins: every API with the number of its operations, and what is new. */
export function ExplorerHome() {
  const { t, i18n } = useTranslation();
  const { product = 'native' } = useParams({ strict: false }) as { product?: Product };
  const catalogue = useCatalogue();
  const history = useHistory();
  if (catalogue.length === 0) return <Loading />;
  return (
    <ExplorerFrame catalogue={catalogue} product={product}>
      <div className="page">
        <PageHead title={t('explorer')} text={t('explorerText', { count: catalogue.length })} />
        <div className="product-grid">
          {(Object.keys(products) as Product[])
            .filter((name) => catalogue.some((entry) => entry.product === name))
            .map((name) => (
              <Link key={name} className="card" to={`/explorer/${i18n.language}/${name}` as '/'}>
                <h2>{products[name]}</h2>
                <p className="soft">
                  {t('operationCount', { count: catalogue.filter((entry) => entry.product === name).length })}
                </p>
                <p className="small">
                  <code>/openapi/{name}.json</code>
                </p>
              </Link>
            ))}
        </div>
        <section className="card" id="history">
          <header>
            <h2>{t('changeHistory')}</h2>
          </header>
          <div className="body stack">
            {history.length === 0 && <p className="soft">{t('noHistory')}</p>}
            {history.map((release) => (
              <details key={release.version}>
                <summary>
                  <b>{release.version}</b> <span className="soft">{release.date}</span>{' '}
                  <span className="small">{t('changesCount', { count: release.changes.length })}</span>
                </summary>
                <ul className="stack" style={{ gap: 4, paddingTop: 8 }}>
                  {release.changes.map((change) => (
                    <li key={change.product + change.operation + change.kind} className="small">
                      {t(`change.${change.kind}`)}{' '}
                      <Link to={`/explorer/${i18n.language}/${change.product}/${change.operation}` as '/'}>
                        {products[change.product]}: {change.operation}
                      </Link>
                    </li>
                  ))}
                </ul>
              </details>
            ))}
          </div>
        </section>
        <p className="soft small">
          <a href="/llms.txt">llms.txt</a>
        </p>
      </div>
    </ExplorerFrame>
  );
}
