import i18n from 'i18next';
import { initReactI18next } from 'react-i18next';
import en from './en.json';

/** Every language of the console, by its tag. Adding one is adding a file of messages. */
export const languages = { en: 'English', ja: '日本語', 'zh-CN': '简体中文' } as const;
export type Language = keyof typeof languages;

const key = 'unkai.language';

const catalogues: Record<Language, () => Promise<{ default: object }>> = {
  en: async () => ({ default: en }),
  ja: () => import('./ja.json'),
  'zh-CN': () => import('./zh-CN.json'),
};

/** The language chosen last, else the browser's, else English. */
function preferredLanguage(): Language {
  const chosen = localStorage.getItem(key);
  if (chosen && chosen in languages) return chosen as Language;
  for (const tag of navigator.languages) {
    if (tag.startsWith('ja')) return 'ja';
    if (tag.startsWith('zh')) return 'zh-CN';
    if (tag.startsWith('en')) return 'en';
  }
  return 'en';
}

export async function startI18n(): Promise<void> {
  await i18n.use(initReactI18next).init({
    lng: 'en',
    fallbackLng: 'en',
    resources: { en: { translation: en } },
    interpolation: { escapeValue: false },
    keySeparator: false,
    nsSeparator: false,
  });
  await setLanguage(preferredLanguage(), false);
}

export async function setLanguage(language: Language, remember = true): Promise<void> {
  if (!i18n.hasResourceBundle(language, 'translation')) {
    const { default: messages } = await catalogues[language]();
    i18n.addResourceBundle(language, 'translation', messages);
  }
  await i18n.changeLanguage(language);
  document.documentElement.lang = language;
  if (remember) localStorage.setItem(key, language);
}
