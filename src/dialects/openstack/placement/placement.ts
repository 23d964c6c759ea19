import type { Dialect } from '../../../api/dialect.ts';
import type { AnyOperation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { openstackDialect } from '../common/openstack-dialect.ts';
import { allocationOperations } from './allocations.ts';
import { nameOperations } from './names.ts';
import { resourceProviderOperations } from './resource-providers.ts';
import { listVersions, placementMicroversions, since } from './versions.ts';

/** The operation exists since the microversion that it names. */
function sinceItsVersion(operation: AnyOperation): AnyOperation {
  const minor = Number(operation.since?.split('.')[1] ?? 0);
  if (minor === 0) return operation;
  return {
    ...operation,
    handle(call) {
      if (since(call.context, minor)) return operation.handle(call);
      throw new CloudError('not_found', 'The resource could not be found.');
    },
  };
}

/**
 * OpenStack's placement API, to be read: what hosts have, and what is taken of it. The engine itself places servers, so
 * nothing is written here.
 */
export const placement: Dialect = openstackDialect({
  service: 'placement',
  title: 'Placement',
  version: '1.29',
  mounts: ['/placement'],
  operations: [listVersions, ...resourceProviderOperations, ...allocationOperations, ...nameOperations].map(
    sinceItsVersion,
  ),
  microversions: placementMicroversions,
});
