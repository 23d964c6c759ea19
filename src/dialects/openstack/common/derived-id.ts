import { createHash } from 'node:crypto';
import { withDashes } from '../../../env/env.ts';

/** The UUID of something that has no row of its own: always the same for the same words. */
export function derivedId(words: string): string {
  return withDashes(createHash('sha256').update(words).digest('hex').slice(0, 32));
}
