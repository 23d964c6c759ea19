import type { FastifyRequest } from 'fastify';
import type { Dialect } from '../../../api/dialect.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { authenticateByToken } from '../common/authenticate.ts';
import { glanceFault } from '../common/glance-fault.ts';
import { openstackDialect } from '../common/openstack-dialect.ts';
import { dataOperations } from './data.ts';
import { imageOperations } from './images.ts';
import { importOperations } from './imports.ts';
import { definitionOperations } from './metadef-definitions.ts';
import { namespaceOperations } from './metadef-namespaces.ts';
import { patchTypes } from './patch.ts';
import { schemaOperations } from './schema-documents.ts';
import { memberOperations } from './sharing.ts';
import { storeOperations } from './stores.ts';
import { taskOperations } from './tasks.ts';
import { usageOperations } from './usage.ts';
import { versionOperations } from './versions.ts';

const base = openstackDialect({
  service: 'image',
  title: 'Image (Glance)',
  version: '2.16',
  mounts: ['/image'],
  operations: [
    ...versionOperations,
    ...imageOperations,
    ...dataOperations,
    ...memberOperations,
    ...importOperations,
    ...storeOperations,
    ...usageOperations,
    ...taskOperations,
    ...schemaOperations,
    ...namespaceOperations,
    ...definitionOperations,
  ],
  unknownMembers: 'keep',
  // Clients read the versions with whatever token they have.
  authenticate: (request, cloud, requestId) =>
    request.url.includes('/v2/') ? authenticateByToken(request, cloud, requestId) : undefined,
  prepare: requireMediaType,
});

/** Statuses that only Glance has. */
const statusOfReason: Record<string, number> = { deleted_meanwhile: 410, range: 416, precondition: 412 };

/** OpenStack's image API. Locations are refused: where bytes are is the cloud's own business. */
export const image: Dialect = {
  ...base,
  fail(failure) {
    const { error, request } = failure;
    const status = error instanceof CloudError ? statusOfReason[error.details.reason ?? ''] : undefined;
    if (status === undefined) return base.fail(failure);
    return glanceFault({ status, message: error.message }, request.headers.accept);
  },
};

/** Before a byte of the body is read: patches and image data say what they are. */
function requireMediaType(request: FastifyRequest, subject: Subject | undefined): Record<string, unknown> {
  if (!subject) return {};
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
  const path = request.url.split('?', 1)[0]!;
  const accepted = acceptedTypes(request.method, path);
  if (accepted && !accepted.includes(type)) {
    const message = `Unsupported Content-Type: ${type || 'none'}. Supported: ${accepted.join(', ')}`;
    throw new CloudError('unsupported_media', message, { reason: 'content_type' });
  }
  return {};
}

function acceptedTypes(method: string, path: string): readonly string[] | undefined {
  if (method === 'PATCH') return patchTypes;
  if (method === 'PUT' && /\/(file|stage)\/?$/.test(path)) return ['application/octet-stream'];
  return undefined;
}
