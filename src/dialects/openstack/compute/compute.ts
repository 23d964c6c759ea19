import type { Dialect } from '../../../api/dialect.ts';
import type { AnyOperation } from '../../../api/operation.ts';
import { openstackDialect } from '../common/openstack-dialect.ts';
import { requireOwnProjectInUrl } from '../common/project-in-url.ts';
import { aggregateOperations } from './aggregates.ts';
import { assistedSnapshotOperations } from './assisted-snapshots.ts';
import { computeDiscovery } from './discovery.ts';
import { extensionOperations } from './extensions.ts';
import { createExternalEvents } from './external-events.ts';
import { fixedIpActions } from './fixed-ip-actions.ts';
import { flavorAccessOperations } from './flavor-access.ts';
import { flavorExtraSpecOperations } from './flavor-extra-specs.ts';
import { flavorOperations } from './flavors.ts';
import { floatingIpProxies } from './floating-ip-proxies.ts';
import { isGone } from './gone.ts';
import { hostOperations } from './hosts.ts';
import { hypervisorOperations } from './hypervisors.ts';
import { imageMetadataOperations } from './image-metadata.ts';
import { imageProxyOperations } from './images.ts';
import { listInstanceActions, showInstanceAction } from './instance-actions.ts';
import { keypairOperations } from './keypairs.ts';
import { showLimits } from './limits.ts';
import { computeMicroversions, sinceItsVersion, until } from './microversions.ts';
import { migrationOperations } from './migrations.ts';
import { networkProxies } from './network-proxies.ts';
import { quotaClassOperations } from './quota-classes.ts';
import { quotaOperations } from './quotas.ts';
import { retiredOperations } from './retired.ts';
import { securityGroupProxies } from './security-group-proxies.ts';
import { createServerImage, getConsoleOutput, otherActions, powerActions, sizeActions } from './server-actions.ts';
import { serverConsoleOperations } from './server-consoles.ts';
import { createServer } from './server-create.ts';
import { serverGroupOperations } from './server-groups.ts';
import { serverGuestOperations } from './server-guest.ts';
import { serverInterfaceOperations } from './server-interfaces.ts';
import { serverMetadataOperations } from './server-metadata.ts';
import { serverMigrationOperations } from './server-migrations.ts';
import { serverMoveActions } from './server-moves.ts';
import { serverNetworkingOperations } from './server-networking.ts';
import { rebuildServer } from './server-rebuild.ts';
import { restoreServer } from './server-restore.ts';
import { suspendRescueActions } from './server-suspend-rescue.ts';
import { serverTagOperations } from './server-tags.ts';
import { showServerTopology } from './server-topology.ts';
import { deleteServer, listServers, listServersDetails, showServer, updateServer } from './servers.ts';
import { serviceOperations } from './services.ts';
import { snapshotProxies } from './snapshot-proxies.ts';
import { tenantUsageOperations } from './tenant-usage.ts';
import { volumeAttachmentOperations } from './volume-attachments.ts';
import { volumeProxies } from './volume-proxies.ts';
import { zoneOperations } from './zones.ts';

/** What every compute API has that is served here, whatever its version. */
export const commonOperations: readonly AnyOperation[] = [
  listServers,
  createServer,
  listServersDetails,
  showServer,
  updateServer,
  deleteServer,
  ...serverMetadataOperations,
  ...serverNetworkingOperations,
  rebuildServer,
  ...powerActions,
  ...sizeActions,
  createServerImage,
  getConsoleOutput,
  ...suspendRescueActions,
  ...otherActions,
  ...serverConsoleOperations,
  ...serverInterfaceOperations,
  ...serverGroupOperations,
  listInstanceActions,
  showInstanceAction,
  ...volumeAttachmentOperations,
  ...flavorOperations,
  ...flavorExtraSpecOperations,
  ...keypairOperations,
  ...zoneOperations,
  ...quotaOperations,
  showLimits,
  ...tenantUsageOperations,
  ...hypervisorOperations,
  ...serviceOperations,
  ...extensionOperations,
].map(sinceItsVersion);

/** Proxies to other services ended with 2.36, that of the images' metadata with 2.39. */
const imagesUntilTheirEnd = imageProxyOperations.map((operation) =>
  until(operation.path.includes('/metadata') ? 38 : 35, operation),
);

/** What K5's API does not have. */
const novaOperations = [
  ...serverTagOperations,
  ...aggregateOperations,
  ...flavorAccessOperations,
  showServerTopology,
  restoreServer,
  ...serverGuestOperations,
  createExternalEvents,
  ...retiredOperations,
  ...securityGroupProxies,
  ...fixedIpActions,
  ...floatingIpProxies,
  ...networkProxies,
  ...volumeProxies,
  ...snapshotProxies,
  ...assistedSnapshotOperations,
  ...imageMetadataOperations,
  ...quotaClassOperations,
  ...hostOperations,
  ...migrationOperations,
  ...serverMigrationOperations,
  ...serverMoveActions,
].map(sinceItsVersion);

const operations = [...commonOperations, ...imagesUntilTheirEnd, ...novaOperations];

const compute = openstackDialect({
  service: 'compute',
  title: 'Compute (Nova)',
  version: '2.1',
  mounts: ['/compute/v2.1', '/compute/v2.1/{project_id}'],
  operations,
  isGone,
  microversions: computeMicroversions,
  prepare(request, subject) {
    requireOwnProjectInUrl('compute', request, subject);
    return {};
  },
});

/** The API's version 2 for old clients: it has no microversions, and drops members of requests that it doesn't know. */
const legacyCompute = openstackDialect({
  service: 'compute',
  title: 'Compute (Nova), version 2',
  version: '2',
  mounts: ['/compute/v2', '/compute/v2/{project_id}'],
  operations: operations.filter(({ since = '2.1' }) => since === '2.1'),
  isGone,
  unknownMembers: 'drop',
  prepare(request, subject) {
    requireOwnProjectInUrl('compute', request, subject);
    return {};
  },
});

/** OpenStack's compute API: its versions, and what is in each. */
export const computeDialects: readonly Dialect[] = [compute, legacyCompute, computeDiscovery];
