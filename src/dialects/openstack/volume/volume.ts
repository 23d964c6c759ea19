import { notFound } from '../../../cloud/errors.ts';
import { discoveryDialect, openstackDialect } from '../common/openstack-dialect.ts';
import { requireOwnProjectInUrl } from '../common/project-in-url.ts';
import { actionOperations } from './actions.ts';
import { attachActionOperations } from './attach-actions.ts';
import { attachmentOperations } from './attachments.ts';
import { backupAdminOperations } from './backup-admin.ts';
import { backupOperations } from './backups.ts';
import { defaultTypeOperations } from './default-types.ts';
import { groupSnapshotOperations } from './group-snapshots.ts';
import { groupTypeSpecOperations } from './group-type-specs.ts';
import { groupTypeOperations } from './group-types.ts';
import { groupOperations } from './groups.ts';
import { messageOperations } from './messages.ts';
import { metadataOperations } from './metadata.ts';
import { migrateVolume } from './migrate-volume.ts';
import { placeOperations } from './places.ts';
import { poolOperations } from './pools.ts';
import { qosOperations } from './qos.ts';
import { quotaOperations } from './quotas.ts';
import { serviceOperations, volumeHostOperations } from './services.ts';
import { snapshotActionOperations } from './snapshot-actions.ts';
import { snapshotOperations } from './snapshots.ts';
import { transferOperations } from './transfers.ts';
import { typeAccessOperations } from './type-access.ts';
import { typeEncryptionOperations } from './type-encryption.ts';
import { typeSpecOperations } from './type-specs.ts';
import { typeOperations } from './types.ts';
import { versionOperations, volumeMicroversions } from './versions.ts';
import { volumeOperations } from './volumes.ts';

const shared = { service: 'volume', title: 'Block storage (Cinder)', version: '3' } as const;

/** OpenStack's block storage API, as far as there are resources behind it. */
export const volume = openstackDialect({
  ...shared,
  mounts: ['/volume/v3/{project_id}', '/volume/v3'],
  operations: [
    ...volumeOperations,
    ...metadataOperations,
    ...actionOperations,
    ...attachActionOperations,
    migrateVolume,
    ...attachmentOperations,
    ...snapshotOperations,
    ...snapshotActionOperations,
    ...transferOperations,
    ...backupOperations,
    ...backupAdminOperations,
    ...groupOperations,
    ...groupSnapshotOperations,
    ...groupTypeOperations,
    ...groupTypeSpecOperations,
    ...messageOperations,
    ...typeOperations,
    ...typeSpecOperations,
    ...typeAccessOperations,
    ...typeEncryptionOperations,
    ...defaultTypeOperations,
    ...qosOperations,
    ...quotaOperations,
    ...serviceOperations,
    ...volumeHostOperations,
    ...poolOperations,
    ...placeOperations,
  ],
  // Cinder's clients send members of extensions that nobody has, and explicit nulls.
  unknownMembers: 'drop',
  microversions: volumeMicroversions,
  prepare: (request, subject) => {
    requireOwnProjectInUrl('volume', request, subject);
    // `/volumes/` names one volume, whose id is empty, and not the list.
    if (/\/volumes\/(\?|$)/.test(request.url)) throw notFound('volume', '', 'The resource could not be found.');
    return {};
  },
});

/** The documents that clients read before they have a token. */
export const volumeDiscovery = discoveryDialect({ ...shared, mounts: ['/volume'], operations: versionOperations });
