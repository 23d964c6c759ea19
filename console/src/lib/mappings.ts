import type { ApiCall } from './api.ts';
import { computeRules } from './mappings/compute.ts';
import { deedRules } from './mappings/deeds.ts';
import { identityRules } from './mappings/identity.ts';
import { networkRules } from './mappings/network.ts';
import { quotaRules } from './mappings/quotas.ts';
import { storageRules } from './mappings/storage.ts';
import type { Body, Mapping, Rule } from './mappings/vocabulary.ts';

const rules: readonly Rule[] = [
  ...computeRules,
  ...storageRules,
  ...networkRules,
  ...identityRules,
  ...quotaRules,
  ...deedRules,
];

/** What the call is in other tools. Undefined members have no exact form. */
export function mappingOf({ method, path, body, headers }: ApiCall): Mapping | undefined {
  // Nobody else has dry runs.
  if (headers?.['Unkai-Dry-Run']) return undefined;
  const bare = path.split('?', 1)[0]!;
  for (const rule of rules) {
    const found = rule.method === method ? rule.path.exec(bare) : null;
    if (!found) continue;
    if (rule.members && !saysAll((body ?? {}) as Body, rule.members)) return undefined;
    const mapping = rule.map((body ?? {}) as Body, found.slice(1));
    if (mapping) return mapping;
  }
  return undefined;
}

/** Whether the object under the body's one key has these members only. */
function saysAll(body: Body, members: readonly string[]): boolean {
  const [inner, ...more] = Object.values(body);
  if (more.length > 0 || typeof inner !== 'object' || inner === null) return false;
  return Object.entries(inner).every(([name, value]) => members.includes(name) || value === undefined || value === '');
}
