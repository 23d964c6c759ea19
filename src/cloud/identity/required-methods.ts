import type { Options } from './model.ts';

/** The ways in which one can prove who one is. */
const methods: ReadonlySet<string> = new Set(['password', 'token', 'application_credential', 'totp', 'oauth1']);

/**
 * The combinations of methods of which a user has to use one (Keystone's option `multi_factor_auth_rules`). None where one
 * method is enough. Methods that are not offered here are not asked for: nobody could use them.
 */
export function requiredMethods(options: Options): string[][] {
  const rules = options['multi_factor_auth_rules'];
  if (options['multi_factor_auth_enabled'] === false || !Array.isArray(rules)) return [];
  return rules
    .filter((rule): rule is string[] => Array.isArray(rule))
    .map((rule) => rule.filter((method) => methods.has(method)))
    .filter((rule) => rule.length > 0);
}

/** Whether whoever used these methods may come in. */
export function areEnough(used: Iterable<string>, options: Options): boolean {
  const rules = requiredMethods(options);
  const all = new Set(used);
  return rules.length === 0 || rules.some((rule) => rule.every((method) => all.has(method)));
}
