import { type ApiSnapshot, bare, type OperationSnapshot } from './snapshot.ts';

/** What can differ between two releases. Each has its words in the console's catalogues, as `check.fieldAdded`. */
export type Check =
  | 'moved'
  | 'deprecated'
  | 'fieldAdded'
  | 'fieldRemoved'
  | 'fieldRequired'
  | 'fieldOptional'
  | 'fieldType'
  | 'answerAdded'
  | 'answerRemoved'
  | 'answerType';

export interface Difference {
  check: Check;
  /** The field, as `server.name`; of an answer with its status, as `200 server.name`. */
  at: string;
}

export type ChangeKind = 'added' | 'changed' | 'deprecated' | 'breaking' | 'removed';

export interface Change {
  product: string;
  operation: string;
  kind: ChangeKind;
  differences?: Difference[];
}

/** What a release changed of the APIs. */
export interface Release {
  version: string;
  date: string;
  changes: Change[];
}

/** What a program that worked with the release before may stumble over. */
const breaking: ReadonlySet<Check> = new Set(['moved', 'fieldRemoved', 'fieldRequired', 'answerRemoved']);

/** Every difference that a program can notice, by API and operation in the order of the alphabet. */
export function compare(before: ApiSnapshot, after: ApiSnapshot): Release {
  const names = [...new Set([...Object.keys(before.products), ...Object.keys(after.products)])].sort();
  const changes = names.flatMap((product) => {
    const [old, now] = [before.products[product] ?? {}, after.products[product] ?? {}];
    return [...new Set([...Object.keys(old), ...Object.keys(now)])]
      .sort()
      .flatMap((operation) => changeOf(product, operation, old[operation], now[operation]));
  });
  return { version: after.version, date: after.date, changes };
}

function changeOf(
  product: string,
  operation: string,
  old: OperationSnapshot | undefined,
  now: OperationSnapshot | undefined,
): Change[] {
  if (!old) return [{ product, operation, kind: 'added' }];
  if (!now) return [{ product, operation, kind: 'removed' }];
  const differences = differencesOf(old, now);
  if (differences.length === 0) return [];
  const kind = differences.some(({ check }) => breaking.has(check))
    ? 'breaking'
    : differences.some(({ check }) => check === 'deprecated')
      ? 'deprecated'
      : 'changed';
  return [{ product, operation, kind, differences }];
}

function differencesOf(old: OperationSnapshot, now: OperationSnapshot): Difference[] {
  return [
    ...(old.call === now.call ? [] : [{ check: 'moved', at: now.call } as const]),
    ...(now.deprecated && !old.deprecated ? [{ check: 'deprecated', at: now.call } as const] : []),
    ...taken(old.takes, now.takes),
    ...given(old.gives, now.gives),
  ];
}

function taken(old: Record<string, string>, now: Record<string, string>): Difference[] {
  return fieldsOf(old, now).flatMap((at): Difference[] => {
    const [was, is] = [old[at], now[at]];
    if (was === undefined) {
      // A required field of something that is new itself asks nothing of those who don't send it.
      const parent = at.replace(/(\[\])?\.[^.]*$/, '');
      const isNewPart = parent !== at && old[parent] === undefined;
      return [{ check: is!.endsWith('!') && !isNewPart ? 'fieldRequired' : 'fieldAdded', at }];
    }
    if (is === undefined) return [{ check: 'fieldRemoved', at }];
    const differences: Difference[] = [];
    if (bare(was) !== bare(is)) differences.push({ check: 'fieldType', at });
    if (!was.endsWith('!') && is.endsWith('!')) differences.push({ check: 'fieldRequired', at });
    if (was.endsWith('!') && !is.endsWith('!')) differences.push({ check: 'fieldOptional', at });
    return differences;
  });
}

function given(old: Record<string, string>, now: Record<string, string>): Difference[] {
  return fieldsOf(old, now).flatMap((at): Difference[] => {
    const [was, is] = [old[at], now[at]];
    if (was === undefined) return [{ check: 'answerAdded', at }];
    if (is === undefined) return [{ check: 'answerRemoved', at }];
    return bare(was) === bare(is) ? [] : [{ check: 'answerType', at }];
  });
}

function fieldsOf(old: Record<string, string>, now: Record<string, string>): string[] {
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].sort();
}
