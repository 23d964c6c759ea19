import type { Dialect } from '../../api/dialect.ts';
import type { AnyOperation } from '../../api/operation.ts';
import { activityOperations } from './activity.ts';
import { auditOperations } from './audit.ts';
import { authenticate } from './authenticate.ts';
import { deletedImageOperations } from './deleted-images.ts';
import { fail, nativeErrors } from './failure.ts';
import { faultOperations } from './faults.ts';
import { hostOperations } from './hosts.ts';
import { imageExportOperations } from './image-exports.ts';
import { imageUploadOperations } from './image-uploads.ts';
import { migrationTargetOperations } from './migration-targets.ts';
import { overviewOperations } from './overview.ts';
import { placeOperations } from './places.ts';
import { reconcilerOperations } from './reconcilers.ts';

/** Every operation of the native API: one line for each file of them. */
const operations: readonly AnyOperation[] = [
  ...overviewOperations,
  ...reconcilerOperations,
  ...activityOperations,
  ...deletedImageOperations,
  ...imageExportOperations,
  ...imageUploadOperations,
  ...auditOperations,
  ...faultOperations,
  ...placeOperations,
  ...hostOperations,
  ...migrationTargetOperations,
];

/** What no other API can say: live activity, spans as a tree, capacity, and what needs attention. */
export const native: Dialect = {
  name: 'native',
  title: 'Native API',
  version: '1.0',
  mounts: ['/unkai/v1'],
  operations,
  authenticate,
  headers: (requestId) => ({ 'x-request-id': requestId }),
  fail,
  errors: nativeErrors,
  unknownMembers: 'refuse',
};
