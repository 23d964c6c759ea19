import type { CatalogueEntry, Schema } from './catalogue.ts';

interface Indexed {
  entry: CatalogueEntry;
  /** What a hit counts most in: id, titles, path. */
  head: string;
  /** Field names, groups, descriptions, statuses. */
  body: string;
}

const indexes = new WeakMap<readonly CatalogueEntry[], Indexed[]>();
/** Japanese and Chinese have no spaces between words: their runs are looked for by every two characters. */
const cjk = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+/gu;

/** Operations that have every word of the query, the best first. Looks in titles of all languages, paths and fields. */
export function search(entries: readonly CatalogueEntry[], query: string, language: string): CatalogueEntry[] {
  const words = terms(query);
  if (words.length === 0) return [];
  const index = indexOf(entries);
  const found: Array<{ entry: CatalogueEntry; score: number }> = [];
  for (const { entry, head, body } of index) {
    let score = 0;
    for (const word of words) {
      const inHead = head.includes(word);
      if (!inHead && !body.includes(word)) {
        score = -1;
        break;
      }
      score += inHead ? 10 : 1;
    }
    if (score < 0) continue;
    const title = entry.titles[language as 'en'] ?? entry.titles.en;
    if (entry.id.toLowerCase() === query.trim().toLowerCase()) score += 100;
    if (title.toLowerCase().startsWith(words[0]!)) score += 6;
    // Of two operations with the same words, the shorter one is the plainer one.
    found.push({ entry, score: score - entry.path.length / 100 - entry.titles.en.length / 50 });
  }
  return found.sort((a, b) => b.score - a.score).map(({ entry }) => entry);
}

/** Has the next search find its index made. */
export function prepareSearch(entries: readonly CatalogueEntry[]): void {
  indexOf(entries);
}

function indexOf(entries: readonly CatalogueEntry[]): Indexed[] {
  const index = indexes.get(entries) ?? build(entries);
  indexes.set(entries, index);
  return index;
}

function terms(query: string): string[] {
  const words = query
    .toLowerCase()
    .split(/[\s/]+/)
    .filter(Boolean);
  return words.flatMap((word) => {
    const runs = word.match(cjk);
    if (!runs) return [word];
    const rest = word.replaceAll(cjk, ' ').split(' ').filter(Boolean);
    return [...runs.flatMap(pairs), ...rest];
  });
}

function pairs(run: string): string[] {
  if (run.length < 3) return [run];
  return Array.from({ length: run.length - 1 }, (_, index) => run.slice(index, index + 2));
}

function build(entries: readonly CatalogueEntry[]): Indexed[] {
  return entries.map((entry) => {
    const { id, titles, path, method, operation, product, group } = entry;
    const fields = new Set<string>();
    for (const { name } of operation.parameters ?? []) fields.add(name);
    for (const { schema } of Object.values(operation.requestBody?.content ?? {})) collect(schema, fields);
    for (const { content, 'x-errors': errors = [] } of Object.values(operation.responses)) {
      for (const { cause, code } of errors) {
        fields.add(cause);
        if (code) fields.add(code);
      }
      for (const { schema } of Object.values(content ?? {})) collect(schema, fields);
    }
    return {
      entry,
      head: `${id} ${titles.en} ${titles.ja} ${titles['zh-CN']} ${method} ${path}`.toLowerCase(),
      body: `${product} ${group} ${operation.description ?? ''} ${Object.keys(operation.responses).join(' ')} ${[...fields].join(' ')}`.toLowerCase(),
    };
  });
}

const maxDepth = 6;

function collect(schema: Schema | undefined, into: Set<string>, depth = 0): void {
  if (!schema || depth > maxDepth) return;
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    into.add(name);
    collect(inner, into, depth + 1);
  }
  collect(schema.items, into, depth + 1);
  for (const inner of [...(schema.oneOf ?? []), ...(schema.anyOf ?? []), ...(schema.allOf ?? [])])
    collect(inner, into, depth + 1);
}
