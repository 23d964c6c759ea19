import { dirname, join } from 'node:path';
import { Gauge, type Registry } from 'prom-client';
import type { AnyAction } from '../actions/definition.ts';
import { ActionRunner } from '../actions/runner.ts';
import type { HostAgent } from '../agent/contract.ts';
import { BackupFolder } from '../backup-stores/backup-folder.ts';
import type { Database } from '../database/database.ts';
import type { Env } from '../env/env.ts';
import { AccessKeys } from './access-keys/access-keys.ts';
import { Activities } from './activity/activity.ts';
import { ChangedSettings } from './changed-settings.ts';
import type { Cloud } from './cloud.ts';
import { ControlPlanes } from './control-planes/control-planes.ts';
import type { CloudCore, Log } from './core.ts';
import { DiskOfferings } from './disk-offerings/disk-offerings.ts';
import { Eips } from './eips/eips.ts';
import { FarHosts } from './far-hosts/far-hosts.ts';
import type { FarAgentOpener } from './far-hosts/model.ts';
import { Faults } from './faults/faults.ts';
import { withFaults } from './faults/faulty-actions.ts';
import { losable, losableMachines } from './faults/faulty-host.ts';
import { Flavors } from './flavors/flavors.ts';
import { Hosts } from './hosts/hosts.ts';
import { openIdentity } from './identity/identity.ts';
import { ImageStores, type StoreOpener } from './image-stores/image-stores.ts';
import { imageActions } from './images/actions.ts';
import { Images, type ImagesOptions } from './images/images.ts';
import { Jobs } from './jobs/jobs.ts';
import { Keypairs } from './keypairs/keypairs.ts';
import { L2Networks } from './l2-networks/l2-networks.ts';
import { L3Networks } from './l2-networks/l3-networks.ts';
import { LoadBalancers } from './load-balancers/load-balancers.ts';
import { LongJobs } from './long-jobs/long-jobs.ts';
import { answerMetadata } from './metadata/answer.ts';
import { HostNetworks } from './networks/host-networks/host-networks.ts';
import { Networks } from './networks/networks.ts';
import { ResourceOwners } from './owners/owners.ts';
import { Quotas } from './quotas/quotas.ts';
import { registerReconcilerMetrics } from './reconcilers/metrics.ts';
import { startReconcilers } from './reconcilers/reconcilers.ts';
import { ReconcilerStatuses } from './reconcilers/status.ts';
import { ResourceSettings } from './resource-settings/resource-settings.ts';
import { Schedules } from './schedules/schedules.ts';
import { keepSecretsSealed } from './secrets/kept-secrets.ts';
import { SecurityRuleSets } from './security-rule-sets/rule-sets.ts';
import { serverActions } from './servers/actions.ts';
import { Servers } from './servers/servers.ts';
import type { CloudSettings } from './settings.ts';
import { Storages } from './storages/storages.ts';
import { Tags } from './tags/tags.ts';
import { volumeActions } from './volumes/actions.ts';
import { BlockStorage } from './volumes/block-storage.ts';
import { Volumes } from './volumes/volumes.ts';
import { Zones } from './zones/zones.ts';

export interface CloudOptions {
  db: Database;
  env: Env;
  log: Log;
  settings: CloudSettings;
  /** The hosts that this process serves. A zone is where a new one comes; those that the cloud knows stay where they are. */
  hosts: ReadonlyArray<{ name: string; agent: HostAgent; zone?: string }>;
  /** How hosts on other machines are reached; there can be none where this is not said. */
  openFarAgent?: FarAgentOpener;
  /** The machine of this process, as administrators know it. Default: `controller`. */
  controlPlane?: string;
  /** Hosts that come back though they were taken out of the cloud, by name. */
  readmitted?: readonly string[];
  /** The folder of the first image store. Backups of volumes are in `backups` beside it. */
  imageDirectory: string;
  /** How image stores are opened, where not as their rows say. */
  openStore?: StoreOpener;
  /** Where volume backups are kept, where not beside the first image store. */
  backups?: BackupFolder;
  /** Lets administrators inject faults. Default: no. */
  faults?: boolean;
  /** Used when the cloud is new. */
  adminPassword: string;
  images?: ImagesOptions;
  /** How long a hold on an action lasts, milliseconds. */
  leaseMs?: number;
  /** Stands in for `allActions`, for tests that let steps fail. */
  actions?: readonly AnyAction[];
}

/** Every action that a journal may hold. */
export const allActions: readonly AnyAction[] = [...serverActions, ...volumeActions, ...imageActions];

/**
 * Opens the engine over a database: makes what a new cloud begins with, finds its hosts and stores again, and goes on
 * with whatever an earlier process left unfinished. It takes requests once this has resolved.
 */
export async function openCloud(options: CloudOptions): Promise<{ cloud: Cloud; close(): Promise<void> }> {
  const { db, env, log } = options;
  // A copy: some of them may be changed while the cloud runs.
  const settings = { ...options.settings };
  const { leaseMs, actions: given = allActions } = options;
  const actions = options.faults ? withFaults(given) : given;
  const runner = new ActionRunner({ db, env, actions, log, leaseMs });
  const core: CloudCore = { db, env, log, settings, runner };
  await keepSecretsSealed(core);
  const cloud = await assemble(core, options);
  await bootstrap(cloud, options);
  await cloud.changedSettings.load();
  await cloud.identity.start();
  await cloud.images.start();
  await cloud.faults.start();
  for (const name of options.readmitted ?? []) {
    if (!(await cloud.hosts.readmit(name))) log.warn({ name }, 'no host of this name was taken out of the cloud');
  }
  for (const { name, agent, zone } of options.hosts) {
    await attach(cloud, { name, zone }, options.faults ? losable(name, agent, cloud.faults) : agent);
  }
  await cloud.farHosts.start();
  await cloud.hostNetworks.start((request, hostId) => answerMetadata(cloud, request, hostId));
  await cloud.controlPlanes.beat();
  await runner.start(cloud);
  const stopReconcilers = startReconcilers(cloud);
  return {
    cloud,
    async close() {
      await stopReconcilers();
      await runner.stop();
      await cloud.hostNetworks.stop();
      await cloud.farHosts.close();
      cloud.identity.stop();
      cloud.images.stop();
      await cloud.imageStores.close();
    },
  };
}

async function assemble(core: CloudCore, options: CloudOptions): Promise<Cloud> {
  const quotas = new Quotas(core);
  const imageStores = new ImageStores(core, options.openStore, dirname(options.imageDirectory));
  const zones = new Zones(core);
  const hosts = new Hosts(core, zones);
  const networks = new Networks(core, quotas);
  const hostNetworks = new HostNetworks(core, hosts, networks);
  const reconcilers = new ReconcilerStatuses(core.env);
  const faults = new Faults(core, options.faults ?? false);
  const openFarAgent = options.openFarAgent && losableMachines(options.openFarAgent, faults);
  const identity = await openIdentity(core);
  const parts = {
    ...core,
    identity,
    quotas,
    keypairs: new Keypairs(core),
    zones,
    hosts,
    controlPlanes: new ControlPlanes(core, options.controlPlane ?? 'controller'),
    flavors: new Flavors(core),
    imageStores,
    images: new Images(core, imageStores, {
      ...options.images,
      readerToken: (userId, projectId) => identity.readerToken(userId, projectId),
    }),
    volumes: new Volumes(core),
    networks,
    hostNetworks,
    farHosts: new FarHosts(core, hosts, hostNetworks, openFarAgent),
    storages: new Storages(core, hosts, dirname(options.imageDirectory)),
    tags: new Tags(core),
    jobs: new Jobs(core),
    faults,
    diskOfferings: new DiskOfferings(core),
    l2Networks: new L2Networks(core),
    l3Networks: new L3Networks(core, networks),
    eips: new Eips(core, networks),
    loadBalancers: new LoadBalancers(core, networks, quotas, () => hostNetworks.obstacleToBalancers()),
    securityRuleSets: new SecurityRuleSets(core, networks),
    accessKeys: new AccessKeys(core, identity),
    longJobs: new LongJobs(core),
    activities: new Activities(core),
    reconcilers,
    changedSettings: new ChangedSettings(core),
    resourceSettings: new ResourceSettings(core),
    registerMetrics: (registry: Registry) => {
      registerMetrics(core, registry);
      registerReconcilerMetrics(reconcilers, registry);
    },
  };
  // These use every other part, so they get the whole.
  const unmade = {
    servers: undefined as unknown as Servers,
    blockStorage: undefined as unknown as BlockStorage,
    resourceOwners: undefined as unknown as ResourceOwners,
    schedules: undefined as unknown as Schedules,
  };
  const cloud: Cloud = Object.assign(parts, unmade);
  const backups = options.backups ?? new BackupFolder(join(dirname(options.imageDirectory), 'backups'));
  return Object.assign(cloud, {
    servers: new Servers(cloud),
    blockStorage: new BlockStorage(cloud, backups),
    resourceOwners: new ResourceOwners(cloud),
    schedules: new Schedules(cloud),
  });
}

async function bootstrap(cloud: Cloud, options: CloudOptions): Promise<void> {
  await cloud.identity.bootstrap({ adminPassword: options.adminPassword });
  const first = options.hosts[0] && (await options.hosts[0].agent.describe());
  await cloud.db.write(async (tx) => {
    await cloud.zones.bootstrap(tx, {
      zone: options.hosts[0]?.zone ?? 'nova',
      cluster: 'default',
      hypervisorType: 'KVM',
      architecture: first?.architecture ?? 'x86_64',
    });
    await cloud.flavors.bootstrap(tx);
    await cloud.networks.bootstrap(tx, first?.networking.externalNetwork);
    await cloud.imageStores.bootstrap(tx, { path: options.imageDirectory });
  });
  await cloud.imageStores.open();
}

async function attach(cloud: Cloud, { name, zone }: { name: string; zone?: string }, agent: HostAgent): Promise<void> {
  if (await cloud.hosts.attach(agent, { name, ...(await cloud.zones.placeFor(zone)) })) return;
  cloud.log.warn({ name }, 'this host was taken out of the cloud, and only comes back with --readmit-host');
}

function registerMetrics({ db, runner }: CloudCore, registry: Registry): void {
  new Gauge({
    name: 'unkai_actions_running',
    help: 'Actions that this process walks now.',
    registers: [registry],
    collect() {
      this.set(runner.runningCount);
    },
  });
  new Gauge({
    name: 'unkai_servers',
    help: 'Servers by state.',
    labelNames: ['vm_state'],
    registers: [registry],
    async collect() {
      this.reset();
      const rows = await db.read
        .selectFrom('servers')
        .select((e) => ['vm_state', e.fn.countAll<number>().as('count')])
        .where('deleted_at', 'is', null)
        .groupBy('vm_state')
        .execute();
      for (const { vm_state, count } of rows) this.set({ vm_state }, count);
    },
  });
}
