import { Link, useParams } from '@tanstack/react-router';
import { Link as LinkIcon, Printer } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Badge, Code, CopyButton, Loading, Notice } from '../components/basics.tsx';
import { Samples } from '../components/samples.tsx';
import { type Language, languages, setLanguage } from '../i18n/index.ts';
import { type CatalogueEntry, type ErrorCause, type Product, products, useCatalogue } from './catalogue.ts';
import { FieldLine, Fields } from './fields.tsx';
import { ExplorerFrame } from './frame.tsx';
import { GroupName } from './group-name.tsx';
import { OperationHistory } from './history.tsx';
import { type Draft, exampleRequest, requestOf } from './request.ts';
import { TryIt } from './try-it.tsx';
import { isLater, useChosenVersion } from './versions.ts';

/** One operation: everything that the cloud itself knows of it, to read and to try. */
export function OperationPage() {
  const { t } = useTranslation();
  const { lang, product, operation } = useParams({ strict: false }) as {
    lang: string;
    product: Product;
    operation: string;
  };
  const catalogue = useCatalogue();
  useEffect(() => {
    const language = Object.keys(languages).find((tag) => tag.toLowerCase() === lang.toLowerCase());
    if (language) void setLanguage(language as Language, false);
  }, [lang]);
  if (catalogue.length === 0) return <Loading />;
  // An address without the operation's API finds it all the same.
  const entry =
    catalogue.find((one) => one.product === product && one.id === operation) ??
    catalogue.find(({ id }) => id === operation);
  return (
    <ExplorerFrame catalogue={catalogue} product={entry?.product ?? product} current={entry?.id}>
      {entry ? (
        <Operation key={entry.key} entry={entry} />
      ) : (
        <div className="page">
          <p>{t('operationGone')}</p>
          <OperationHistory product={product} id={operation} />
        </div>
      )}
    </ExplorerFrame>
  );
}

function Operation({ entry }: { entry: CatalogueEntry }) {
  const { t, i18n } = useTranslation();
  const { operation, titles, method, path, product, group, id } = entry;
  const [draft, setDraft] = useState<Draft>(() => exampleRequest(entry));
  const version = useChosenVersion(product);
  const call = useMemo(() => requestOf(entry, draft, version), [entry, draft, version]);
  const title = titles[i18n.language as Language] ?? titles.en;
  useEffect(() => {
    document.title = `${title} · Unkai`;
    if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  }, [title]);
  usePrintedWhole();
  const parameters = operation.parameters ?? [];
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = parameters.filter((parameter) => parameter.in === 'query');
  const bodies = Object.entries(operation.requestBody?.content ?? {});
  const isAsync = operation['x-mode'] === 'async';
  const needsAuth = operation['x-allow'] !== 'anyone';
  const permalink = `/explorer/${i18n.language}/${product}/${id}`;
  return (
    <article className="operation">
      <div className="main">
        <header className="stack">
          <nav className="crumbs" aria-label={t('breadcrumb')}>
            <Link to={'/explorer' as '/'}>{t('explorer')}</Link> /{' '}
            <Link to={`/explorer/${i18n.language}/${product}` as '/'}>{products[product]}</Link> /{' '}
            <GroupName of={group} />
          </nav>
          <div className="row">
            <span className="verb" data-verb={method}>
              {method}
            </span>
            <Badge plain>
              <GroupName of={group} />
            </Badge>
            {operation['x-since'] && <Badge plain>{t('since', { version: operation['x-since'] })}</Badge>}
            <Badge plain tone={isAsync ? 'busy' : 'none'}>
              {isAsync ? t('asynchronous') : t('synchronous')}
            </Badge>
            <Badge plain tone={needsAuth ? 'accent' : 'none'}>
              {needsAuth ? t('authRequired') : t('noAuth')}
            </Badge>
            {needsAuth && <Badge plain>{t(`allow.${operation['x-allow'] ?? 'authenticated'}`)}</Badge>}
            <span style={{ flex: 1 }} />
            <button
              type="button"
              className="button ghost icon no-print"
              aria-label={t('print')}
              onClick={() => print()}
            >
              <Printer size={16} aria-hidden />
            </button>
          </div>
          <h1>{title}</h1>
          <p className="soft" lang="en">
            {operation.description}
          </p>
        </header>
        {isLater(entry, version) && (
          <Notice tone="warn">{t('laterThan', { since: operation['x-since'], version })}</Notice>
        )}
        <section aria-labelledby="try-it" className="no-print">
          <Heading id="try-it" text={t('executionAvailability')} />
          <TryIt entry={entry} draft={draft} onDraft={setDraft} call={call} />
        </section>
        {inPath.length > 0 && (
          <section aria-labelledby="path-parameters">
            <Heading id="path-parameters" text={t('pathParameters')} />
            <ul className="fields">
              {inPath.map(({ name, schema, required, description }) => (
                <FieldLine
                  key={name}
                  name={name}
                  schema={schema}
                  required={required}
                  anchor={`path.${name}`}
                  text={description}
                />
              ))}
            </ul>
          </section>
        )}
        {inQuery.length > 0 && (
          <section aria-labelledby="query-parameters">
            <Heading id="query-parameters" text={t('queryParameters')} />
            <ul className="fields">
              {inQuery.map(({ name, schema, required, description }) => (
                <FieldLine
                  key={name}
                  name={name}
                  schema={schema}
                  required={required}
                  anchor={`query.${name}`}
                  text={description}
                />
              ))}
            </ul>
          </section>
        )}
        {bodies.length > 0 && (
          <section aria-labelledby="body-fields">
            <Heading id="body-fields" text={t('bodyFields')} />
            {bodies.map(([type, { schema }]) => (
              <div key={type}>
                {type !== 'application/json' && <p className="mono small">{type}</p>}
                <Fields schema={schema} anchor="body" />
              </div>
            ))}
          </section>
        )}
        <section aria-labelledby="responses">
          <Heading id="responses" text={t('responses')} />
          <div className="stack">
            {Object.entries(operation.responses).map(([status, response]) => (
              <Response
                key={status}
                status={status}
                schema={response.content?.['application/json']?.schema}
                errors={response['x-errors'] ?? []}
              />
            ))}
          </div>
        </section>
        <section aria-labelledby="change-history">
          <Heading id="change-history" text={t('changeHistory')} />
          <OperationHistory product={product} id={id} />
        </section>
      </div>
      <aside className="beside">
        <section aria-labelledby="endpoint">
          <Heading id="endpoint" text={t('endpoint')} />
          <div className="endpoint">
            <span className="verb" data-verb={method}>
              {method}
            </span>
            <code tabIndex={0}>{path}</code>
            <CopyButton text={path} />
          </div>
          <dl className="facts" style={{ marginTop: 10 }}>
            <dt>{t('operationId')}</dt>
            <dd className="mono">{operation.operationId}</dd>
            <dt>{t('permalink')}</dt>
            <dd>
              <a href={permalink}>
                <LinkIcon size={13} aria-hidden /> {permalink}
              </a>{' '}
              · <a href={`${permalink}.md`}>Markdown</a>
            </dd>
          </dl>
        </section>
        <section aria-labelledby="request-example">
          <Heading id="request-example" text={t('requestExample')} />
          <Samples call={call} all />
        </section>
        <ResponseExamples entry={entry} />
      </aside>
    </article>
  );
}

/** What is folded is opened for the printer, and folded again afterwards. */
function usePrintedWhole(): void {
  useEffect(() => {
    let folded: HTMLDetailsElement[] = [];
    const open = () => {
      folded = [...document.querySelectorAll<HTMLDetailsElement>('article.operation details:not([open])')];
      for (const one of folded) one.open = true;
    };
    const fold = () => {
      for (const one of folded) one.open = false;
    };
    addEventListener('beforeprint', open);
    addEventListener('afterprint', fold);
    return () => {
      removeEventListener('beforeprint', open);
      removeEventListener('afterprint', fold);
    };
  }, []);
}

function Heading({ id, text }: { id: string; text: string }) {
  const { t } = useTranslation();
  return (
    <h2 id={id}>
      {text}
      <a href={`#${id}`} aria-label={t('linkTo', { name: text })}>
        #
      </a>
    </h2>
  );
}

interface ResponseProps {
  status: string;
  schema: Parameters<typeof Fields>[0]['schema'];
  errors: readonly ErrorCause[];
}

function Response({ status, schema, errors }: ResponseProps) {
  const { t } = useTranslation();
  const isGood = Number(status) < 400;
  return (
    <details id={`response.${status}`} open={isGood} className="card">
      <summary className="action-head">
        <Badge tone={isGood ? 'good' : 'bad'}>{status}</Badge> {t(`status.${status}`, { defaultValue: '' })}
      </summary>
      <div className="body">
        {isGood ? (
          schema ? (
            <Fields schema={schema} anchor={`response.${status}`} />
          ) : (
            <p className="soft">{t('emptyBody')}</p>
          )
        ) : (
          <>
            <p className="soft">{t(`cure.${status}`, { defaultValue: '' })}</p>
            {errors.length > 0 && <ErrorCauses errors={errors} anchor={`response.${status}`} />}
          </>
        )}
      </div>
    </details>
  );
}

/** Each error that the engine has for the status: its code, what it means, and what helps. */
function ErrorCauses({ errors, anchor }: { errors: readonly ErrorCause[]; anchor: string }) {
  const { t } = useTranslation();
  return (
    <ul className="fields">
      {errors.map(({ cause, code }) => (
        <li key={cause} id={`${anchor}.${cause}`}>
          <div className="field-head">
            <code>{code ?? cause}</code>
            {code && code !== cause && <span className="type">{cause}</span>}
            <a className="anchor" href={`#${anchor}.${cause}`} aria-label={t('linkTo', { name: cause })}>
              #
            </a>
          </div>
          <p className="small">{t(`error.${cause}`)}</p>
          <p className="soft small">{t(`remedy.${cause}`)}</p>
        </li>
      ))}
    </ul>
  );
}

function ResponseExamples({ entry }: { entry: CatalogueEntry }) {
  const { t } = useTranslation();
  const examples = Object.entries(entry.operation.responses).flatMap(([status, { content }]) => {
    const example = content?.['application/json']?.example;
    return example === undefined ? [] : [{ status, example }];
  });
  if (examples.length === 0) return null;
  return (
    <section aria-labelledby="response-example">
      <Heading id="response-example" text={t('responseExample')} />
      {examples.map(({ status, example }) => (
        <div key={status} className="stack">
          <Badge tone="good">{status}</Badge>
          <Code text={JSON.stringify(example, undefined, 2)} label={t('responseExample')} />
        </div>
      ))}
    </section>
  );
}
