import { InvalidRequest } from './dialect.ts';

/** The escapes that can stand for a character which is none; a text without them needs no second look. */
const suspicious = /\\u(?:0000|d[89a-f])/i;

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
