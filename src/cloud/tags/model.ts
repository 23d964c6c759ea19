import type { ResourceTagsTable } from '../../database/schema.ts';

/** Where resources of a type are, and whose they are. */
export interface Taggable {
  table: string;
  /** The column that says whose it is; undefined for what belongs to the cloud. */
  ownedBy: string | undefined;
  /** The table that has that column, and what points there, where it is another one. */
  through?: { table: string; by: string };
}

/** Resources that can have tags, by the engine's name of their type. */
export const taggableTypes = {
  server: { table: 'servers', ownedBy: 'project_id' },
  image: { table: 'images', ownedBy: 'project_id' },
  volume: { table: 'volumes', ownedBy: 'project_id' },
  network: { table: 'networks', ownedBy: 'project_id' },
  port: { table: 'ports', ownedBy: 'project_id' },
  security_group: { table: 'security_groups', ownedBy: 'project_id' },
  zone: { table: 'zones', ownedBy: undefined },
  cluster: { table: 'clusters', ownedBy: undefined },
  host: { table: 'hosts', ownedBy: undefined },
  image_store: { table: 'image_stores', ownedBy: undefined },
  project: { table: 'projects', ownedBy: 'id' },
  cdrom: { table: 'cdroms', ownedBy: 'project_id', through: { table: 'servers', by: 'server_id' } },
  volume_snapshot: { table: 'volume_snapshots', ownedBy: 'project_id' },
  subnet: { table: 'subnets', ownedBy: 'project_id' },
  l2_network: { table: 'l2_networks', ownedBy: undefined },
  disk_offering: { table: 'disk_offerings', ownedBy: undefined },
  floating_ip: { table: 'floating_ips', ownedBy: 'project_id' },
  eip: { table: 'eips', ownedBy: 'project_id', through: { table: 'floating_ips', by: 'floating_ip_id' } },
  load_balancer: { table: 'load_balancers', ownedBy: 'project_id' },
  load_balancer_listener: { table: 'load_balancer_listeners', ownedBy: 'project_id' },
  load_balancer_pool: { table: 'load_balancer_pools', ownedBy: 'project_id' },
  certificate: { table: 'certificates', ownedBy: 'project_id' },
  port_forwarding_rule: { table: 'port_forwarding_rules', ownedBy: 'project_id' },
} as const satisfies Record<string, Taggable>;

export type TaggableType = keyof typeof taggableTypes;
export type TagKind = 'user' | 'system';

/** A word that somebody put on a resource: `user` tags are free text, `system` tags mean something to the cloud. */
export interface Tag {
  id: string;
  kind: TagKind;
  resourceType: TaggableType;
  resourceId: string;
  /** Whose tag it is. */
  projectId: string;
  tag: string;
  /** Only the cloud itself changes it. */
  isInherent: boolean;
  /** Microseconds. */
  createdAt: number;
  updatedAt: number;
}

/** A tag to be put on a resource. */
export interface NewTag {
  id?: string;
  kind: TagKind;
  resourceType: TaggableType;
  resourceId: string;
  tag: string;
  isInherent?: boolean;
}

/** Where tags are, and of which sort. */
export type TagPlace = Omit<NewTag, 'id' | 'tag'>;

export function isTaggable(type: string): type is TaggableType {
  return Object.hasOwn(taggableTypes, type);
}

export function tagFromRow(row: ResourceTagsTable): Tag {
  return {
    id: row.id,
    kind: row.kind,
    resourceType: row.resource_type as TaggableType,
    resourceId: row.resource_id,
    projectId: row.project_id,
    tag: row.tag,
    isInherent: row.inherent === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
