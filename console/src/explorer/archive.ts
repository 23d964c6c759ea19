import type { TFunction } from 'i18next';
import type { Language } from '../i18n/index.ts';
import { sample } from '../lib/samples.ts';
import { type CatalogueEntry, type ErrorCause, type Parameter, products, type Schema } from './catalogue.ts';
import { membersOf, typeOf } from './fields.tsx';
import { exampleRequest, requestOf } from './request.ts';

/**
 * The whole explorer as one HTML file in the given language: it asks no host for anything, so it can be read from a disk,
 * searched and printed. Samples have variables where a session's values would be.
 */
export function archiveOf(catalogue: readonly CatalogueEntry[], t: TFunction, language: Language): Blob {
  const groups = Map.groupBy(catalogue, ({ product, group }) => `${products[product]} · ${group}`);
  const when = new Date().toISOString().slice(0, 10);
  const parts = [
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><title>${text(t('offlineTitle'))}</title>`,
    `<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">`,
    `<style>${style}</style></head><body><header><h1>${text(t('offlineTitle'))}</h1>`,
    `<p>${text(t('madeAt', { date: when, origin: location.origin }))}</p>`,
    `<input type="search" id="q" aria-label="${text(t('searchOperations'))}" placeholder="${text(t('searchOperations'))}"></header>`,
    ...[...groups].flatMap(([title, entries]) => [
      `<section><h2 lang="en">${text(title)}</h2>`,
      ...entries.map((entry) => pageOf(entry, t, language)),
      '</section>',
    ]),
    `<script>${script}</script></body></html>`,
  ];
  return new Blob(parts, { type: 'text/html' });
}

function pageOf(entry: CatalogueEntry, t: TFunction, language: Language): string {
  const { operation, product, id, method, path, titles } = entry;
  const parameters = operation.parameters ?? [];
  const facts = [
    operation['x-since'] && t('since', { version: operation['x-since'] }),
    t(operation['x-mode'] === 'async' ? 'asynchronous' : 'synchronous'),
    t(`allow.${operation['x-allow'] ?? 'authenticated'}`),
  ];
  const curl = sample('curl', requestOf(entry, { ...exampleRequest(entry), query: {} }), location.origin);
  return [
    `<details id="${product}.${text(id)}"><summary><b class="${method}">${method}</b> ${text(titles[language] ?? titles.en)}`,
    ` <code>${text(path)}</code></summary>`,
    `<p lang="en">${text(operation.description ?? '')}</p>`,
    `<p><code>${text(operation.operationId)}</code> · ${facts.filter(Boolean).map(String).map(text).join(' · ')}</p>`,
    parametersOf(parameters, 'path', t('pathParameters'), t),
    parametersOf(parameters, 'query', t('queryParameters'), t),
    ...Object.values(operation.requestBody?.content ?? {}).map(
      ({ schema }) => `<h3>${text(t('bodyFields'))}</h3>${fieldsOf(schema, t)}`,
    ),
    `<h3>${text(t('requestExample'))}</h3><pre>${text(curl ?? '')}</pre>`,
    `<h3>${text(t('responses'))}</h3>`,
    ...Object.entries(operation.responses).map(([status, { content, 'x-errors': errors = [] }]) => {
      const json = content?.['application/json'];
      const example =
        json?.example === undefined ? '' : `<pre>${text(JSON.stringify(json.example, undefined, 2))}</pre>`;
      const words = t(`status.${status}`, { defaultValue: '' });
      const cure = Number(status) < 400 ? '' : `<p>${text(t(`cure.${status}`, { defaultValue: '' }))}</p>`;
      return `<h4>${status} ${text(words)}</h4>${cure}${causesOf(errors, t)}${fieldsOf(json?.schema, t)}${example}`;
    }),
    '</details>',
  ].join('');
}

function parametersOf(all: readonly Parameter[], place: string, title: string, t: TFunction): string {
  const mine = all.filter((parameter) => parameter.in === place);
  if (mine.length === 0) return '';
  const lines = mine.map(({ name, schema, required, description }) =>
    line(name, schema, required, description ?? schema.description, t),
  );
  return `<h3>${text(title)}</h3><ul>${lines.map((one) => `<li>${one}</li>`).join('')}</ul>`;
}

function causesOf(errors: readonly ErrorCause[], t: TFunction): string {
  if (errors.length === 0) return '';
  const lines = errors.map(
    ({ cause, code }) =>
      `<li><code>${text(code ?? cause)}</code> ${text(t(`error.${cause}`))} ${text(t(`remedy.${cause}`))}</li>`,
  );
  return `<ul>${lines.join('')}</ul>`;
}

const maxDepth = 5;

function fieldsOf(schema: Schema | undefined, t: TFunction, depth = 0): string {
  const members = depth > maxDepth ? [] : membersOf(schema);
  if (members.length === 0) return '';
  const lines = members.map(
    ({ name, schema: member, required }) =>
      `<li>${line(name, member, required, member.description, t)}${fieldsOf(member.items ?? member, t, depth + 1)}</li>`,
  );
  return `<ul>${lines.join('')}</ul>`;
}

function line(name: string, schema: Schema, required: boolean, words: string | undefined, t: TFunction): string {
  const must = required ? ` <em>${text(t('required'))}</em>` : '';
  return `<code>${text(name)}</code> <i>${text(typeOf(schema))}</i>${must} <span lang="en">${text(words ?? '')}</span>`;
}

function text(raw: string): string {
  return raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

const style = `:root{color-scheme:light dark}body{font:15px/1.6 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}
header{position:sticky;top:0;background:Canvas;padding-bottom:.5rem}header input{width:100%;padding:.5rem;font:inherit;box-sizing:border-box}
h1{margin:.2rem 0}h2{margin:1.6rem 0 .4rem}h3{margin:1rem 0 .2rem}h4{margin:.6rem 0 0}
details{border:1px solid #8884;border-radius:8px;margin:.3rem 0;padding:.3rem .8rem}summary{cursor:pointer;overflow-wrap:anywhere}
summary b{display:inline-block;min-width:4.5em;font:600 12px ui-monospace,monospace}code{font:13px ui-monospace,monospace}
pre{overflow:auto;background:#8881;border-radius:8px;padding:.6rem;font:12px/1.5 ui-monospace,monospace}
ul{margin:.2rem 0;padding-left:1.2rem}i{opacity:.75}em{color:#c2410c;font-style:normal;font-size:12px}[hidden]{display:none}
@media print{header input{display:none}details{break-inside:avoid}}`;

/** Runs in the file itself: finds operations by any words on their pages, and opens the one that the address names. */
const script = `const all=[...document.querySelectorAll('details')].map(e=>({e,t:e.textContent.toLowerCase()}));
const q=document.getElementById('q');q.oninput=()=>{const w=q.value.toLowerCase().split(/\\s+/).filter(Boolean);
for(const {e,t} of all)e.hidden=!w.every(x=>t.includes(x));
for(const s of document.querySelectorAll('section'))s.hidden=![...s.querySelectorAll('details')].some(e=>!e.hidden)};
const open=()=>{const e=location.hash&&document.getElementById(decodeURIComponent(location.hash.slice(1)));if(e){e.open=true;e.scrollIntoView()}};
addEventListener('hashchange',open);open();
let folded=[];addEventListener('beforeprint',()=>{folded=[...document.querySelectorAll('details:not([open]):not([hidden])')];if(q.value||location.hash)for(const e of folded)e.open=true});
addEventListener('afterprint',()=>{for(const e of folded)e.open=false});`;
