import type { Dialect } from '../../api/dialect.ts';
import { accessKeyOperations } from './operations/access-keys.ts';
import { accountOperations } from './operations/accounts.ts';
import { addedBackupStorageOperations } from './operations/added-backup-storage.ts';
import { addedPrimaryStorageOperations } from './operations/added-primary-storage.ts';
import { affinityCandidateOperations } from './operations/affinity-candidates.ts';
import { affinityGroupOperations } from './operations/affinity-groups.ts';
import { backupStorageOperations } from './operations/backup-storage.ts';
import { capabilityOperations } from './operations/capabilities.ts';
import { cephBackupStorageOperations } from './operations/ceph-backup-storage.ts';
import { factOperations } from './operations/facts.ts';
import { globalConfigOperations } from './operations/global-configs.ts';
import { hostCareOperations } from './operations/host-care.ts';
import { hostChangeOperations } from './operations/host-changes.ts';
import { imageCopyOperations } from './operations/image-copies.ts';
import { imageExportOperations } from './operations/image-exports.ts';
import { imageQgaOperations } from './operations/image-qga.ts';
import { imageStoreContentOperations } from './operations/image-store-contents.ts';
import { imageOperations } from './operations/images.ts';
import { kvmHostOperations } from './operations/kvm-hosts.ts';
import { longJobOperations } from './operations/long-jobs.ts';
import { managementNodeOperations } from './operations/management-node.ts';
import { networkOperations } from './operations/networks.ts';
import { offeringOperations } from './operations/offerings.ts';
import { placeOperations } from './operations/places.ts';
import { policyOperations } from './operations/policies.ts';
import { quotaOperations } from './operations/quotas.ts';
import { resourceConfigOperations } from './operations/resource-configs.ts';
import { resourceOwnerOperations } from './operations/resource-owners.ts';
import { schedulerJobGroupOperations } from './operations/scheduler-job-groups.ts';
import { schedulerJobOperations } from './operations/scheduler-jobs.ts';
import { schedulerReportOperations } from './operations/scheduler-report.ts';
import { schedulerTriggerOperations } from './operations/scheduler-triggers.ts';
import { sessionOperations } from './operations/sessions.ts';
import { sftpBackupStorageOperations } from './operations/sftp-backup-storage.ts';
import { sharingOperations } from './operations/sharing.ts';
import { sshKeyPairOperations } from './operations/ssh-key-pairs.ts';
import { storageFactOperations } from './operations/storage-facts.ts';
import { tagPatternOperations } from './operations/tag-patterns.ts';
import { tagOperations } from './operations/tags.ts';
import { taskOperations } from './operations/tasks.ts';
import { trashOperations } from './operations/trash.ts';
import { userGroupOperations } from './operations/user-groups.ts';
import { userOperations } from './operations/users.ts';
import { vmBootModeOperations } from './operations/vm-boot-mode.ts';
import { vmCandidateOperations } from './operations/vm-candidates.ts';
import { vmCdRomOperations } from './operations/vm-cdroms.ts';
import { vmChangeOperations } from './operations/vm-changes.ts';
import { vmConsolePasswordOperations } from './operations/vm-console-password.ts';
import { vmConsoleOperations } from './operations/vm-consoles.ts';
import { vmDestructionOperations } from './operations/vm-destruction.ts';
import { vmFromDiskOperations } from './operations/vm-from-disk.ts';
import { vmImageChangeOperations } from './operations/vm-image-change.ts';
import { vmInstanceOperations } from './operations/vm-instances.ts';
import { vmMigrationOperations } from './operations/vm-migration.ts';
import { vmPasswordOperations } from './operations/vm-password.ts';
import { volumeFlatteningOperations } from './operations/volume-flattening.ts';
import { volumeSnapshotGroupOperations } from './operations/volume-snapshot-groups.ts';
import { volumeSnapshotOperations } from './operations/volume-snapshots.ts';
import { volumeOperations } from './operations/volumes.ts';
import { zqlOperations } from './operations/zql.ts';
import { queryJob } from './protocol/api-jobs.ts';
import { authenticateBySession } from './protocol/authenticate.ts';
import { crossOriginHeaders } from './protocol/cross-origin.ts';
import { zstackErrors } from './protocol/describe-error.ts';
import { fail } from './protocol/fail.ts';
import { foldIndexedKeys } from './protocol/query-string.ts';
import { readJobHeaders } from './protocol/request-headers.ts';
import { selectOperation } from './protocol/select-operation.ts';

/** ZStack's REST API, as its SDKs, Terraform provider and command lines speak it. */
export const zstack: Dialect = {
  name: 'zstack',
  title: 'ZStack Cloud and ZSphere',
  version: '5.2',
  // The second one is how the published documents write it.
  mounts: ['/zstack/v1', '/v1'],
  operations: [
    ...sessionOperations,
    ...accountOperations,
    ...userOperations,
    ...userGroupOperations,
    ...policyOperations,
    ...accessKeyOperations,
    ...quotaOperations,
    ...sshKeyPairOperations,
    ...managementNodeOperations,
    ...globalConfigOperations,
    ...resourceConfigOperations,
    ...placeOperations,
    ...hostCareOperations,
    ...hostChangeOperations,
    ...kvmHostOperations,
    ...addedPrimaryStorageOperations,
    ...backupStorageOperations,
    ...addedBackupStorageOperations,
    ...imageStoreContentOperations,
    ...sftpBackupStorageOperations,
    ...cephBackupStorageOperations,
    ...storageFactOperations,
    ...imageOperations,
    ...imageExportOperations,
    ...imageCopyOperations,
    ...trashOperations,
    ...imageQgaOperations,
    ...volumeOperations,
    ...volumeFlatteningOperations,
    ...volumeSnapshotGroupOperations,
    ...volumeSnapshotOperations,
    ...vmInstanceOperations,
    ...vmFromDiskOperations,
    ...vmCandidateOperations,
    ...vmImageChangeOperations,
    ...vmDestructionOperations,
    ...vmMigrationOperations,
    ...vmPasswordOperations,
    ...vmBootModeOperations,
    ...vmCdRomOperations,
    ...vmChangeOperations,
    ...vmConsoleOperations,
    ...vmConsolePasswordOperations,
    ...offeringOperations,
    ...affinityGroupOperations,
    ...affinityCandidateOperations,
    ...networkOperations,
    ...tagOperations,
    ...tagPatternOperations,
    ...sharingOperations,
    ...resourceOwnerOperations,
    ...factOperations,
    ...capabilityOperations,
    ...taskOperations,
    ...longJobOperations,
    ...schedulerJobOperations,
    ...schedulerTriggerOperations,
    ...schedulerJobGroupOperations,
    ...schedulerReportOperations,
    ...zqlOperations,
    queryJob,
  ],
  authenticate: authenticateBySession,
  prepare(request) {
    readJobHeaders(request);
    foldIndexedKeys(request.query as Record<string, unknown>);
    return {};
  },
  select: selectOperation,
  headers: (requestId) => ({ ...crossOriginHeaders, 'x-request-id': requestId }),
  fail,
  errors: zstackErrors,
  unknownMembers: 'keep',
};
