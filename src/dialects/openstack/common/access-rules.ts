import type { FastifyRequest } from 'fastify';
import { CloudError } from '../../../cloud/errors.ts';

/** The types under which the service below a mount point is known. */
const serviceTypes: Record<string, readonly string[]> = {
  identity: ['identity'],
  compute: ['compute'],
  image: ['image'],
  network: ['network'],
  volume: ['volumev3', 'block-storage', 'volume', 'block-store'],
  placement: ['placement'],
};

type Rule = readonly [service: string, method: string, path: string];

/** Refuses a request that none of an application credential's access rules is for (Keystone's `access_rules`). */
export function requireAccessRule(rules: readonly Rule[], request: Pick<FastifyRequest, 'method' | 'url'>): void {
  const [, mount = '', path = ''] = /^\/+([^/?]*)(\/[^?]*)?/.exec(request.url) ?? [];
  const types = serviceTypes[mount] ?? [];
  const method = request.method.toUpperCase();
  const isAllowed = rules.some(
    ([service, verb, pattern]) => types.includes(service) && verb === method && matches(pattern, path),
  );
  if (!isAllowed) {
    throw new CloudError('forbidden', 'The application credential has no access rule for this request.', {
      reason: 'access_rules',
    });
  }
}

/** `*` and `{name}` stand for one part of the path, `**` for any number of them. */
function matches(pattern: string, path: string): boolean {
  const source = pattern
    .split(/(\*\*|\*|\{[^}/]*\})/)
    .map((part) => {
      if (part === '**') return '.*';
      return part === '*' || /^\{[^}/]*\}$/.test(part) ? '[^/]+' : part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    })
    .join('');
  return new RegExp(`^${source}$`).test(path.replace(/(.)\/+$/, '$1'));
}
