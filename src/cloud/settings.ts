import { noCompliance, type SecurityCompliance } from './identity/security-compliance.ts';
import type { SecretKey } from './secrets/sealing.ts';

/** What an operator may set about a cloud. Times are seconds, sizes bytes. */
export interface CloudSettings {
  /** The region's name in catalogs. */
  region: string;
  /** How long a Keystone token is good. */
  tokenLifetime: number;
  /**
   * What tokens are signed with, where clouds of several regions take each other's. Each cloud makes up a key of its own
   * where nothing is said.
   */
  tokenKey: string | undefined;
  /**
   * With what secrets in the database are encrypted: the first one encrypts, all of them decrypt. The same for every process
   * of the cloud. None where they are not encrypted.
   */
  secretKeys: readonly SecretKey[];
  /** What is asked of passwords and of those who sign in. */
  securityCompliance: SecurityCompliance;
  /** How long a ZStack session is good; it does not slide. */
  sessionLifetime: number;
  /** How long a deleted server can be restored, as Nova's `reclaim_instance_interval`; 0 deletes it at once. */
  reclaimInterval: number;
  /** After how long a resize counts as confirmed, as Nova's `resize_confirm_window`; 0 for never. */
  resizeConfirmWindow: number;
  /**
   * How fast a guest is sent to another host while it runs, bytes per second, as Nova's `live_migration_bandwidth`; 0 for
   * as fast as it goes.
   */
  liveMigrationBandwidth: number;
  /** How long the bytes of a deleted image are kept, so that it can be recovered. */
  imageRetention: number;
  /**
   * What becomes of the bytes of a deleted image: 0, they go with it; 1, they are kept for `imageRetention`; 2, until
   * somebody expunges them.
   */
  imageDeletion: number;
  /** The largest image that may be uploaded. */
  maxImageSize: number;
  /** How long a host keeps an image that no disk of it is a layer over and that no server was made from. */
  imageCacheAge: number;
  /** How much of images a host keeps; what disks are layers over counts, and stays in any case. 0 for no limit. */
  imageCacheBytes: number;
  /** Whether guests that ran when their host lost its power run again once it is back; otherwise their servers are off. */
  resumeGuests: boolean;
  /** How long a guest may take to shut down when it is asked to, before it is ended. */
  shutdownGrace: number;
  /** How many virtual processors a host gives away for each that it has, where nothing else is said of it. */
  cpuRatio: number;
  /** Limits of a project that has none of its own; -1 for none. */
  defaultQuotas: Record<QuotaName, number>;
}

/** Under which key of the table `settings` it is kept what an administrator has changed a setting to. */
export const changedKeyOf = (name: keyof CloudSettings): string => `changed:${name}`;

export type QuotaName =
  | 'instances'
  | 'cores'
  | 'ram_mb'
  | 'volumes'
  | 'gigabytes'
  | 'per_volume_gigabytes'
  | 'snapshots'
  | 'backups'
  | 'backup_gigabytes'
  | 'volume_groups'
  | 'images'
  | 'image_bytes'
  | 'keypairs'
  | 'metadata_items'
  | 'networks'
  | 'subnets'
  | 'subnet_pools'
  | 'ports'
  | 'security_groups'
  | 'security_group_rules'
  | 'routers'
  | 'floating_ips'
  | 'rbac_policies'
  | 'server_groups'
  | 'load_balancers'
  | 'load_balancer_listeners'
  | 'server_group_members'
  /** Of files that a user has put into a new server, up to Nova's 2.56. */
  | 'injected_files'
  | 'injected_file_content_bytes'
  | 'injected_file_path_bytes'
  /** Kept for Nova's API up to 2.35: addresses are limited by the quotas of networks. */
  | 'fixed_ips'
  | 'server_floating_ips';

export const defaultSettings: CloudSettings = {
  region: 'RegionOne',
  tokenLifetime: 3 * 3600,
  tokenKey: undefined,
  secretKeys: [],
  securityCompliance: noCompliance,
  sessionLifetime: 7200,
  reclaimInterval: 0,
  resizeConfirmWindow: 0,
  liveMigrationBandwidth: 0,
  imageRetention: 7 * 24 * 3600,
  imageDeletion: 1,
  maxImageSize: 2 ** 40,
  imageCacheAge: 7 * 24 * 3600,
  imageCacheBytes: 100 * 2 ** 30,
  resumeGuests: false,
  shutdownGrace: 60,
  cpuRatio: 16,
  defaultQuotas: {
    instances: -1,
    cores: -1,
    ram_mb: -1,
    volumes: -1,
    gigabytes: -1,
    per_volume_gigabytes: -1,
    snapshots: -1,
    backups: -1,
    backup_gigabytes: -1,
    volume_groups: -1,
    images: -1,
    image_bytes: -1,
    keypairs: 100,
    metadata_items: 128,
    networks: 100,
    subnets: 100,
    subnet_pools: -1,
    ports: -1,
    security_groups: 100,
    security_group_rules: 1000,
    routers: 100,
    floating_ips: 100,
    rbac_policies: 10,
    server_groups: -1,
    load_balancers: 20,
    load_balancer_listeners: 20,
    server_group_members: -1,
    injected_files: 5,
    injected_file_content_bytes: 10_240,
    injected_file_path_bytes: 255,
    fixed_ips: -1,
    server_floating_ips: -1,
  },
};
