import type { Registry } from 'prom-client';
import type { AccessKeys } from './access-keys/access-keys.ts';
import type { Activities } from './activity/activity.ts';
import type { ChangedSettings } from './changed-settings.ts';
import type { ControlPlanes } from './control-planes/control-planes.ts';
import type { CloudCore } from './core.ts';
import type { DiskOfferings } from './disk-offerings/disk-offerings.ts';
import type { Eips } from './eips/eips.ts';
import type { Faults } from './faults/faults.ts';
import type { Flavors } from './flavors/flavors.ts';
import type { Hosts } from './hosts/hosts.ts';
import type { Identity } from './identity/identity.ts';
import type { ImageStores } from './image-stores/image-stores.ts';
import type { Images } from './images/images.ts';
import type { Jobs } from './jobs/jobs.ts';
import type { Keypairs } from './keypairs/keypairs.ts';
import type { L2Networks } from './l2-networks/l2-networks.ts';
import type { L3Networks } from './l2-networks/l3-networks.ts';
import type { LongJobs } from './long-jobs/long-jobs.ts';
import type { HostNetworks } from './networks/host-networks/host-networks.ts';
import type { Networks } from './networks/networks.ts';
import type { ResourceOwners } from './owners/owners.ts';
import type { Quotas } from './quotas/quotas.ts';
import type { ReconcilerStatuses } from './reconciler-status.ts';
import type { ResourceSettings } from './resource-settings/resource-settings.ts';
import type { SecurityRuleSets } from './security-rule-sets/rule-sets.ts';
import type { Servers } from './servers/servers.ts';
import type { Storages } from './storages/storages.ts';
import type { Tags } from './tags/tags.ts';
import type { BlockStorage } from './volumes/block-storage.ts';
import type { Volumes } from './volumes/volumes.ts';
import type { Zones } from './zones/zones.ts';

/** The engine: every resource of the cloud in neutral terms. Dialects call it and nothing below it. */
export interface Cloud extends CloudCore {
  readonly identity: Identity;
  readonly keypairs: Keypairs;
  readonly quotas: Quotas;
  readonly resourceOwners: ResourceOwners;
  readonly zones: Zones;
  readonly hosts: Hosts;
  readonly controlPlanes: ControlPlanes;
  readonly flavors: Flavors;
  readonly imageStores: ImageStores;
  readonly images: Images;
  readonly volumes: Volumes;
  readonly blockStorage: BlockStorage;
  readonly networks: Networks;
  readonly hostNetworks: HostNetworks;
  readonly servers: Servers;
  readonly storages: Storages;
  readonly tags: Tags;
  readonly jobs: Jobs;
  /** Failures that people put in to try their automation; off unless the cloud was started with them. */
  readonly faults: Faults;
  readonly diskOfferings: DiskOfferings;
  readonly l2Networks: L2Networks;
  readonly l3Networks: L3Networks;
  readonly eips: Eips;
  readonly securityRuleSets: SecurityRuleSets;
  readonly accessKeys: AccessKeys;
  readonly longJobs: LongJobs;
  readonly activities: Activities;
  readonly reconcilers: ReconcilerStatuses;
  readonly changedSettings: ChangedSettings;
  readonly resourceSettings: ResourceSettings;
  /** Adds the engine's figures to `/metrics`. */
  registerMetrics(registry: Registry): void;
}
