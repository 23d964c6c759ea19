import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describedIn } from '../../console/src/explorer/descriptions.ts';
import { groupTitle, translated } from '../../console/src/explorer/titles.ts';
import { openApiDocument } from '../../src/api/openapi.ts';
import { allDialects } from '../../src/assembly/dialects.ts';

const source = resolve(import.meta.dirname, '../../console/src');
const messages = (language: string) =>
  JSON.parse(readFileSync(join(source, 'i18n', `${language}.json`), 'utf8')) as Record<string, string>;
const en = messages('en');
const others = { ja: messages('ja'), 'zh-CN': messages('zh-CN') };
const script = { ja: /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u, 'zh-CN': /\p{Script=Han}/u };
/** The same in every language. */
const namesOfThings = new Set(['actionOf']);

const code = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter(({ name }) => /\.tsx?$/.test(name))
  .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
  .join('\n');

describe('the words of the console', () => {
  it('are there in every language, and translated', () => {
    for (const [language, catalogue] of Object.entries(others)) {
      expect(Object.keys(catalogue).sort()).toEqual(Object.keys(en).sort());
      const untranslated = Object.entries(catalogue).filter(
        ([key, text]) => !script[language as 'ja'].test(text) && !namesOfThings.has(key),
      );
      expect(untranslated).toEqual([]);
    }
  });

  it('keep what is filled in', () => {
    const slots = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name).sort();
    for (const catalogue of Object.values(others)) {
      for (const [key, text] of Object.entries(en)) expect([key, slots(catalogue[key]!)]).toEqual([key, slots(text)]);
    }
  });

  it('are there wherever the pages ask for one', () => {
    const asked = [...code.matchAll(/\bt\('([^']+)'/g)].map(([, key]) => key!);
    expect(asked.length).toBeGreaterThan(200);
    expect(asked.filter((key) => !(key in en))).toEqual([]);
  });

  it('do not leak English into a Chinese or Japanese sentence that has none', () => {
    for (const catalogue of Object.values(others)) {
      const leaks = Object.entries(catalogue).filter(([key, text]) => text === en[key]);
      expect(leaks).toEqual([]);
    }
  });
});

describe('titles of operations', () => {
  it('are translated, all but those of what came last', async () => {
    const titles = new Set((await allDialects()).flatMap(({ operations }) => operations.map(({ title }) => title)));
    const missing = [...titles].filter((title) => !translated(title, 'ja') || !translated(title, 'zh-CN'));
    // A new word is a line in title-nouns.ts, a sentence one in title-sentences.ts; until then its titles are English.
    expect(missing.length, missing.join('; ')).toBeLessThan(titles.size / 50);
  });

  it('stand in groups whose names are translated', async () => {
    const groups = new Set((await allDialects()).flatMap(({ operations }) => operations.map(({ group }) => group)));
    // A new one is a line in title-groups.ts.
    expect([...groups].filter((group) => !groupTitle(group, 'ja') || !groupTitle(group, 'zh-CN'))).toEqual([]);
  });
});

describe('descriptions of parameters and fields', () => {
  it('are translated where they are said again and again', async () => {
    const dialects = await allDialects();
    const said: string[] = [];
    for (const product of new Set(dialects.map(({ name }) => name))) {
      const document = JSON.stringify(openApiDocument(dialects.filter(({ name }) => name === product)));
      for (const [, text] of document.matchAll(/"description":("(?:[^"\\]|\\.)*")/g)) said.push(JSON.parse(text!));
    }
    const done = said.filter((text) => describedIn(text, 'ja') && describedIn(text, 'zh-CN'));
    expect(said.length).toBeGreaterThan(5000);
    // Those of responses' statuses and of operations count among them, and stay English.
    expect(done.length / said.length).toBeGreaterThan(0.4);
  });
});
