import type { FastifyRequest } from 'fastify';

/**
 * What Nova once had and has no longer, whatever the microversion: it says so (410), and does not only fail to find it.
 * `{id}` is any one part of the path.
 */
const gone: ReadonlyArray<readonly [methods: string, path: string]> = [
  ['GET POST', '/os-agents'],
  ['PUT DELETE', '/os-agents/{id}'],
  ['GET POST', '/os-cells'],
  ['GET PUT DELETE', '/os-cells/{id}'],
  ['POST', '/os-cells/sync_instances'],
  ['GET', '/os-cells/{id}/capacities'],
  ['POST', '/os-certificates'],
  ['GET', '/os-certificates/{id}'],
  ['GET POST', '/os-cloudpipe'],
  ['PUT', '/os-cloudpipe/{id}'],
  ['GET', '/os-fixed-ips/{id}'],
  ['POST', '/os-fixed-ips/{id}/action'],
  ['GET', '/os-floating-ip-dns'],
  ['PUT DELETE', '/os-floating-ip-dns/{id}'],
  ['GET PUT DELETE', '/os-floating-ip-dns/{id}/entries/{id}'],
  ['GET POST', '/os-floating-ips-bulk'],
  ['GET PUT', '/os-floating-ips-bulk/{id}'],
  ['GET', '/os-fping'],
  ['GET', '/os-fping/{id}'],
  ['POST', '/os-networks'],
  ['POST', '/os-networks/add'],
  ['DELETE', '/os-networks/{id}'],
  ['POST', '/os-networks/{id}/action'],
  ['GET POST', '/os-security-group-default-rules'],
  ['GET DELETE', '/os-security-group-default-rules/{id}'],
  ['POST', '/os-tenant-networks'],
  ['DELETE', '/os-tenant-networks/{id}'],
  ['GET POST', '/servers/{id}/consoles'],
  ['GET DELETE', '/servers/{id}/consoles/{id}'],
];

const patterns = gone.map(([methods, path]) => ({
  methods: methods.split(' '),
  // Behind the version there may be the project.
  path: new RegExp(`^/[a-z]+/v2(?:\\.1)?(?:/[0-9a-f-]{32,36})?${path.replaceAll('{id}', '[^/]+')}/?$`),
}));

/** Whether the request is for something that Nova has taken back. Asked where no operation fits. */
export function isGone({ method, url, body }: Pick<FastifyRequest, 'method' | 'url' | 'body'>): boolean {
  const [path = ''] = url.split('?', 1);
  if (patterns.some((one) => one.methods.includes(method) && one.path.test(path))) return true;
  const isAction = method === 'POST' && path.endsWith('/action') && typeof body === 'object' && body !== null;
  return isAction && Object.hasOwn(body, 'resetNetwork');
}
