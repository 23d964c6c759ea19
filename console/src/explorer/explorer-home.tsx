import { Link, useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Loading, PageHead } from '../components/basics.tsx';
import { type Product, products, useCatalogue } from './catalogue.ts';
import { ExplorerFrame } from './frame.tsx';
import { WholeHistory } from './history.tsx';

/** Where the explorer begins: every API with the number of its operations, and what is new. */
export function ExplorerHome() {
  const { t, i18n } = useTranslation();
  const { product = 'native' } = useParams({ strict: false }) as { product?: Product };
  const catalogue = useCatalogue();
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
        <WholeHistory />
        <p className="soft small">
          <a href="/llms.txt">llms.txt</a>
        </p>
      </div>
    </ExplorerFrame>
  );
}
