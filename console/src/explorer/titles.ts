import { groupNames } from './title-groups.ts';
import { roleSentence, sentences } from './title-sentences.ts';
import { titles } from './title-words.ts';
import { zstackSentences } from './title-zstack.ts';

export interface Titles {
  en: string;
  ja: string;
  'zh-CN': string;
}

const known = new Map<string, Titles>();

/** An operation's title in every language. What the words of the catalogue don't cover stays in English. */
export function titlesOf(en: string): Titles {
  const found = known.get(en);
  if (found) return found;
  const made = { en, ja: translated(en, 'ja') ?? en, 'zh-CN': translated(en, 'zh-CN') ?? en };
  known.set(en, made);
  return made;
}

/** What a group of operations is called; undefined where the catalogue has no word for it. */
export function groupTitle(en: string, language: string): string | undefined {
  if (language !== 'ja' && language !== 'zh-CN') return undefined;
  const [, bare, version = ''] = /^(.*?)( \(v2\))?$/.exec(en)!;
  const column = language === 'ja' ? 0 : 1;
  const words = bare!.replaceAll(/[-_/]/g, ' ').toLowerCase();
  const found = groupNames[words]?.[column] ?? phrase(words, column);
  return found && found + version;
}

type Target = 'ja' | 'zh-CN';

/** Titles are said in a small language: a verb, its object, and what that belongs to. Undefined for others. */
export function translated(en: string, to: Target): string | undefined {
  const [, bare, suffix = ''] = /^(.*?)( \(\d+\)| with status \d+)?$/.exec(en)!;
  const column = to === 'ja' ? 0 : 1;
  const whole = titles.whole[bare!] ?? sentences[bare!] ?? zstackSentences[bare!] ?? roleSentence(bare!);
  if (whole) return whole[column] + suffix;
  if (bare!.endsWith(' by uuid')) {
    const one = translated(bare!.slice(0, -' by uuid'.length), to);
    return one && (to === 'ja' ? 'UUID で' : '按 UUID ') + one;
  }
  const verb = Object.keys(titles.verbs).find((one) => bare!.startsWith(`${one} `));
  if (!verb) return undefined;
  const object = phrase(bare!.slice(verb.length + 1), column);
  if (!object) return undefined;
  const word = titles.verbs[verb]![column];
  return (to === 'ja' ? `${object}${word}` : `${word}${object}`) + suffix;
}

/** `metadata of a server` → what is owned stands after its owner in both languages. */
function phrase(text: string, column: 0 | 1): string | undefined {
  const plain = text.replace(/^(an?|the|several|all|its|one) /i, '');
  const noun = titles.nouns[plain.toLowerCase()];
  const several = /^several /i.test(text)
    ? ['複数の', '多个'][column]
    : /^all /i.test(text)
      ? ['すべての', '全部'][column]
      : '';
  if (noun) return several + noun[column];
  for (const [joint, [before, after]] of Object.entries(titles.joints)) {
    const at = plain.indexOf(` ${joint} `);
    if (at === -1) continue;
    const left = phrase(plain.slice(0, at), column);
    const right = phrase(plain.slice(at + joint.length + 2), column);
    if (left && right) return (column === 0 ? before : after).replace('A', left).replace('B', right);
  }
  return undefined;
}
