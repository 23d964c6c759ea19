import { InvalidRequest } from './dialect.ts';

/** The escapes that can stand for a character which is none; a text without them needs no second look. */
const suspicious = /\\u(?:0000|d[89a-f])/i;

/** How deep objects and lists may lie in one another: far below what a program can follow, far above what anybody means. */
const mostLevels = 200;

/**
 * Refuses a body that nobody could look through, or write again.
 * @param text what `value` was read from
 * @throws {InvalidRequest}
 */
export function checkDepth(text: string, value: unknown): void {
  // Each level is two characters at least.
  if (text.length <= 2 * mostLevels || !isDeeper(value, mostLevels)) return;
  throw new InvalidRequest('body', '', `The request body is nested deeper than ${mostLevels} levels.`, 'json');
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1));
}

/**
 * Refuses what JSON can say and no database keeps alike: NUL (PostgreSQL has no such character) and halves of surrogate
 * pairs (UTF-8 has none).
 * @param text what `value` was read from
 * @throws {InvalidRequest} with the place of the first one
 */
export function checkStorable(text: string, value: unknown): void {
  if (!suspicious.test(text)) return;
  const found = firstUnstorable(value, '');
  if (found === undefined) return;
  const message = `${found || 'body'} must not contain NUL or ill-formed Unicode`;
  throw new InvalidRequest('body', found.toWellFormed(), message.toWellFormed(), 'characters');
}

function firstUnstorable(value: unknown, path: string): string | undefined {
  if (typeof value === 'string') return isStorable(value) ? undefined : path;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const place = path ? `${path}.${key}` : key;
    if (!isStorable(key)) return path;
    const found = firstUnstorable(member, place);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
