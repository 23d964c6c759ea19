import type { FastifyRequest } from 'fastify';
import { CloudError } from '../../../cloud/errors.ts';
import type { OpenStackService } from './service.ts';

/** Services whose routers tell `/servers/` from `/servers`. */
const strict = new Set<OpenStackService>(['compute', 'image', 'volume']);
/** The service itself, its version, and the project that may stand in front of everything. */
const root = /^\/[a-z]+(\/v[\d.]+(\/[0-9a-f-]{32,36})?)?\/$/;

/** A slash at the end stands before an id that is missing, and nothing has an empty one. Throws `not_found`. */
export function refuseEmptyId(service: OpenStackService, request: FastifyRequest): void {
  const path = request.url.split('?', 1)[0]!;
  if (!path.endsWith('/') || !strict.has(service) || root.test(path)) return;
  throw new CloudError('not_found', 'The resource could not be found.');
}
