import { type Kysely, type Migration, Migrator } from 'kysely';
import { initial } from './migrations/0001-initial/migration.ts';
import { blockStorage } from './migrations/0002-block-storage/migration.ts';
import { routers } from './migrations/0003-routers/migration.ts';
import { consoles } from './migrations/0004-consoles/migration.ts';
import { serverGroups } from './migrations/0005-server-groups/migration.ts';
import { resourceSettings } from './migrations/0006-resource-settings/migration.ts';
import { reservedIpRanges } from './migrations/0007-reserved-ip-ranges/migration.ts';
import { compute } from './migrations/0008-compute/migration.ts';
import { volumes } from './migrations/0009-volumes/migration.ts';
import { networks } from './migrations/0010-networks/migration.ts';
import { zstack } from './migrations/0011-zstack/migration.ts';
import { images } from './migrations/0012-images/migration.ts';
import { console } from './migrations/0013-console/migration.ts';
import { identity } from './migrations/0014-identity/migration.ts';
import { softDelete } from './migrations/0015-soft-delete/migration.ts';
import { networkServices } from './migrations/0017-network-services/migration.ts';
import { sharedVolumes } from './migrations/0018-shared-volumes/migration.ts';
import { volumeGroups } from './migrations/0019-volume-groups/migration.ts';
import { imageExports } from './migrations/0020-image-exports/migration.ts';
import { openstack } from './migrations/0021-openstack/migration.ts';
import { guestPasswords } from './migrations/0022-guest-passwords/migration.ts';
import { zstackRules } from './migrations/0023-zstack-rules/migration.ts';
import { imageUploads } from './migrations/0024-image-uploads/migration.ts';
import { cdroms } from './migrations/0025-cdroms/migration.ts';
import { zones } from './migrations/0026-zones/migration.ts';
import { identityLimits } from './migrations/0027-identity-limits/migration.ts';
import { attachers } from './migrations/0028-attachers/migration.ts';
import { shareAttachers } from './migrations/0029-share-attachers/migration.ts';
import { zstackUsers } from './migrations/0030-zstack-users/migration.ts';
import { hostNotes } from './migrations/0031-host-notes/migration.ts';
import { storages } from './migrations/0032-storages/migration.ts';
import { accounts } from './migrations/0033-accounts/migration.ts';
import { dscpRules } from './migrations/0034-dscp-rules/migration.ts';
import { zonedKeys } from './migrations/0035-zoned-keys/migration.ts';
import { tagPatterns } from './migrations/0036-tag-patterns/migration.ts';
import { localDisks } from './migrations/0037-local-disks/migration.ts';
import { controlPlanes } from './migrations/0039-control-planes/migration.ts';
import { volumeMigrations } from './migrations/0040-volume-migrations/migration.ts';
import { zstackJobs } from './migrations/0041-zstack-jobs/migration.ts';
import { coveringIndexes } from './migrations/0042-covering-indexes/migration.ts';
import { unbuiltServers } from './migrations/0042-unbuilt-servers/migration.ts';
import { ownLimits } from './migrations/0043-own-limits/migration.ts';
import { serverExtras } from './migrations/0044-server-extras/migration.ts';
import { storeLogins } from './migrations/0045-store-logins/migration.ts';
import { oauth1 } from './migrations/0046-oauth1/migration.ts';
import { securityCompliance } from './migrations/0047-security-compliance/migration.ts';
import { failedImports } from './migrations/0048-failed-imports/migration.ts';
import { addressIds } from './migrations/0049-address-ids/migration.ts';
import { keyPairNotes } from './migrations/0050-key-pair-notes/migration.ts';
import { securityGroupStates } from './migrations/0050-security-group-states/migration.ts';
import { rootDisksInStorages } from './migrations/0051-root-disks-in-storages/migration.ts';
import { schedules } from './migrations/0053-schedules/migration.ts';
import { networkSegments } from './migrations/0055-network-segments/migration.ts';
import { farHostLines } from './migrations/0056-far-host-lines/migration.ts';
import { signIns } from './migrations/0058-sign-ins/migration.ts';
import { farHosts } from './migrations/0060-far-hosts/migration.ts';
import { farHostsPlaces } from './migrations/0061-far-hosts-places/migration.ts';
import { farHostsWho } from './migrations/0061-far-hosts-who/migration.ts';
import { sharedStorages } from './migrations/0062-shared-storages/migration.ts';
import { scheduleGroups } from './migrations/0063-schedule-groups/migration.ts';
import { briefResults } from './migrations/0064-brief-results/migration.ts';
import { identityMembers } from './migrations/0065-identity-members/migration.ts';
import { groupRules } from './migrations/0066-group-rules/migration.ts';
import { nfsStorages } from './migrations/0067-nfs-storages/migration.ts';
import { loadBalancers } from './migrations/0068-load-balancers/migration.ts';
import { identityExtras } from './migrations/0070-identity-extras/migration.ts';
import { volumeOfferings } from './migrations/0072-volume-offerings/migration.ts';
import { namedTargets } from './migrations/0073-named-targets/migration.ts';
import { openSecurityGroups } from './migrations/0074-open-security-groups/migration.ts';
import { nfsMoves } from './migrations/0076-nfs-moves/migration.ts';
import { begunMachines } from './migrations/0077-begun-machines/migration.ts';
import { namesAndDefaults } from './migrations/0080-names-and-defaults/migration.ts';
import type { Schema } from './schema.ts';

/** Every migration, by name, in order. A name is never changed once it was released. */
const migrations: Record<string, Migration> = {
  '0001-initial': initial,
  '0002-block-storage': blockStorage,
  '0003-routers': routers,
  '0004-consoles': consoles,
  '0005-server-groups': serverGroups,
  '0006-resource-settings': resourceSettings,
  '0007-reserved-ip-ranges': reservedIpRanges,
  '0008-compute': compute,
  '0049-address-ids': addressIds,
  '0050-key-pair-notes': keyPairNotes,
  '0050-security-group-states': securityGroupStates,
  '0009-volumes': volumes,
  '0010-networks': networks,
  '0011-zstack': zstack,
  '0012-images': images,
  '0013-console': console,
  '0014-identity': identity,
  '0015-soft-delete': softDelete,
  '0017-network-services': networkServices,
  '0018-shared-volumes': sharedVolumes,
  '0019-volume-groups': volumeGroups,
  '0020-image-exports': imageExports,
  '0021-openstack': openstack,
  '0022-guest-passwords': guestPasswords,
  '0023-zstack-rules': zstackRules,
  '0024-image-uploads': imageUploads,
  '0025-cdroms': cdroms,
  '0026-zones': zones,
  '0027-identity-limits': identityLimits,
  '0028-attachers': attachers,
  '0029-share-attachers': shareAttachers,
  '0030-zstack-users': zstackUsers,
  '0033-accounts': accounts,
  '0031-host-notes': hostNotes,
  '0032-storages': storages,
  '0034-dscp-rules': dscpRules,
  '0035-zoned-keys': zonedKeys,
  '0036-tag-patterns': tagPatterns,
  '0039-control-planes': controlPlanes,
  '0040-volume-migrations': volumeMigrations,
  '0037-local-disks': localDisks,
  '0047-security-compliance': securityCompliance,
  '0048-failed-imports': failedImports,
  '0043-own-limits': ownLimits,
  '0044-server-extras': serverExtras,
  '0041-zstack-jobs': zstackJobs,
  '0042-covering-indexes': coveringIndexes,
  '0042-unbuilt-servers': unbuiltServers,
  '0051-root-disks-in-storages': rootDisksInStorages,
  '0058-sign-ins': signIns,
  '0060-far-hosts': farHosts,
  '0061-far-hosts-places': farHostsPlaces,
  '0061-far-hosts-who': farHostsWho,
  '0062-shared-storages': sharedStorages,
  '0056-far-host-lines': farHostLines,
  '0045-store-logins': storeLogins,
  '0053-schedules': schedules,
  '0046-oauth1': oauth1,
  '0055-network-segments': networkSegments,
  '0063-schedule-groups': scheduleGroups,
  '0064-brief-results': briefResults,
  '0065-identity-members': identityMembers,
  '0066-group-rules': groupRules,
  '0067-nfs-storages': nfsStorages,
  '0068-load-balancers': loadBalancers,
  '0070-identity-extras': identityExtras,
  '0072-volume-offerings': volumeOfferings,
  '0073-named-targets': namedTargets,
  '0074-open-security-groups': openSecurityGroups,
  '0076-nfs-moves': nfsMoves,
  '0077-begun-machines': begunMachines,
  '0080-names-and-defaults': namesAndDefaults,
};

/** Brings the schema up to date. Safe to run on each start, and by several processes at once on PostgreSQL. */
export async function migrateToLatest(db: Kysely<Schema>): Promise<void> {
  // One that was made beside others may have a lower number than what a database has had already.
  const provider = { getMigrations: async () => migrations };
  const migrator = new Migrator({ db, provider, allowUnorderedMigrations: true });
  const { error } = await migrator.migrateToLatest();
  if (error) throw new Error('the database schema could not be brought up to date', { cause: error });
}
