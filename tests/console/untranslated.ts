import type { Page } from 'playwright-core';
import { type Words, wordsOf } from './keys.ts';

const english = wordsOf('en');
/** What is the same in every language: names of products, formats, units, states and ids of the APIs. */
const names =
  /^(Unkai|English|ZStack|ZStack API|OpenStack|openstack CLI|Terraform|HTTPie|TypeScript|Python|Java|Ctrl.*|[A-Z0-9_ ·.:]+|[^ ]*[\d_.@/:-][^ ]*)$/;

/**
 * Texts on the page that are not in its language: those that stand in the English catalogue while this one has other words,
 * keys that nobody has words for, and English sentences. What users and APIs named is marked as such, or a single word.
 */
export async function untranslated(page: Page, words: Words): Promise<string[]> {
  const texts = await page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found: string[] = [];
    // Descriptions are whose the things are.
    const named =
      '[lang="en"], code, pre, script, style, .mono, .spans, .serial-terminal, [role=cell][data-column=description]';
    const isNamed = (holder: Element | null) => !holder || holder.closest(named) !== null;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (isNamed(node.parentElement)) continue;
      const text = node.textContent?.trim() ?? '';
      if (text) found.push(text);
    }
    for (const element of document.querySelectorAll('[aria-label], [placeholder], [title]')) {
      if (isNamed(element)) continue;
      for (const name of ['aria-label', 'placeholder', 'title']) found.push(element.getAttribute(name)?.trim() ?? '');
    }
    return found;
  });
  const sentences = new Set(Object.keys(english).flatMap((key) => (english[key] === words[key] ? [] : english[key]!)));
  const isEnglish = words['signIn'] === english['signIn'];
  return [...new Set(texts)].filter((text) => {
    if (!/[A-Za-z]{4}/.test(text)) return false;
    if (/^[a-z]+\.[a-zA-Z]+$/.test(text) && text in english) return true;
    if (isEnglish) return false;
    return sentences.has(text) || (/^[\x20-\x7e]+$/.test(text) && / /.test(text) && !names.test(text));
  });
}
