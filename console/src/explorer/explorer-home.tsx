import { Link, useParams } from '@tanstack/react-router';
import type { TFunction } from 'i18next';
import { Download } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Loading, PageHead } from '../components/basics.tsx';
import type { Language } from '../i18n/index.ts';
import { type CatalogueEntry, type Product, products, useCatalogue } from './catalogue.ts';
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
        <div className="row no-print">
          <button
            type="button"
            className="button"
            onClick={() => void download(catalogue, t, i18n.language as Language)}
          >
            <Download size={15} aria-hidden /> {t('offlineArchive')}
          </button>
          <a className="small" href="/llms.txt">
            llms.txt
          </a>
        </div>
      </div>
    </ExplorerFrame>
  );
}

/** Gives the browser the whole explorer as a file. */
async function download(catalogue: readonly CatalogueEntry[], t: TFunction, language: Language): Promise<void> {
  const { archiveOf } = await import('./archive.ts');
  const url = URL.createObjectURL(archiveOf(catalogue, t, language));
  const link = document.createElement('a');
  link.href = url;
  link.download = `unkai-api-${language}.html`;
  link.click();
  URL.revokeObjectURL(url);
}
