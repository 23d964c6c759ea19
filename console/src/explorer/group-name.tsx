import { useTranslation } from 'react-i18next';
import { groupTitle } from './titles.ts';

/** What a group of operations is called, in the page's language where there is a word for it. */
export function GroupName({ of: group }: { of: string }) {
  const { i18n } = useTranslation();
  const title = groupTitle(group, i18n.language);
  return title ? <span>{title}</span> : <span lang="en">{group}</span>;
}
