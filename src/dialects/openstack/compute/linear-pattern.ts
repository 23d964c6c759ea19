import { RE2JS, RE2JSException } from 're2js';
import { CloudError } from '../../../cloud/errors.ts';

const longestExpression = 1000;

/**
 * A regular expression of users, found anywhere in a text in a time that grows with the text's length alone, whatever the
 * expression is: RE2's syntax, which is what databases and Python know in common; neither references back nor assertions
 * around. Throws `invalid` for what it does not know, and for what would be too large.
 */
export class LinearPattern {
  readonly #pattern: RE2JS;

  constructor(expression: string, options: { ignoresCase?: boolean } = {}) {
    this.#pattern = compiled(expression, options.ignoresCase ? RE2JS.CASE_INSENSITIVE : 0);
  }

  /** Whether the expression is found somewhere in the text. */
  isIn(text: string): boolean {
    return this.#pattern.test(text);
  }
}

function compiled(expression: string, flags: number): RE2JS {
  try {
    if (expression.length <= longestExpression) return RE2JS.compile(expression, flags);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
  }
  throw new CloudError('invalid', `'${expression.slice(0, 100)}' is not a regular expression that is understood.`, {
    field: 'pattern',
  });
}
