import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { LinkSchema } from '../common/links.ts';

const common = {
  dialect: 'volume',
  method: 'GET',
  since: '3.0',
  mode: 'sync',
  allow: 'reader',
} as const;

/** Parts of this API that Cinder has as extensions, by alias. */
const extensions = [
  { alias: 'os-admin-actions', name: 'AdminActions' },
  { alias: 'os-availability-zone', name: 'AvailabilityZones' },
  { alias: 'backups', name: 'Backups' },
  { alias: 'capabilities', name: 'Capabilities' },
  { alias: 'os-extended-services', name: 'ExtendedServices' },
  { alias: 'os-extended-snapshot-attributes', name: 'ExtendedSnapshotAttributes' },
  { alias: 'os-hosts', name: 'Hosts' },
  { alias: 'qos-specs', name: 'Qos_specs_manage' },
  { alias: 'os-quota-class-sets', name: 'QuotaClasses' },
  { alias: 'os-quota-sets', name: 'Quotas' },
  { alias: 'scheduler-stats', name: 'Scheduler_stats' },
  { alias: 'os-services', name: 'Services' },
  { alias: 'os-snapshot-actions', name: 'SnapshotActions' },
  { alias: 'os-types-extra-specs', name: 'TypesExtraSpecs' },
  { alias: 'os-types-manage', name: 'TypesManage' },
  { alias: 'os-used-limits', name: 'UsedLimits' },
  { alias: 'os-volume-actions', name: 'VolumeActions' },
  { alias: 'os-vol-host-attr', name: 'VolumeHostAttribute' },
  { alias: 'os-vol-image-meta', name: 'VolumeImageMetadata' },
  { alias: 'os-vol-mig-status-attr', name: 'VolumeMigStatusAttribute' },
  { alias: 'os-vol-tenant-attr', name: 'VolumeTenantAttribute' },
  { alias: 'os-volume-transfer', name: 'VolumeTransfer' },
  { alias: 'os-volume-type-access', name: 'VolumeTypeAccess' },
  { alias: 'encryption', name: 'VolumeTypeEncryption' },
].map((extension) => ({ ...extension, description: '', updated: '2013-07-23T00:00:00+00:00', links: [] }));

const everywhere = ['name', 'status', 'id', 'metadata', 'created_at', 'updated_at'];
const resourceFilters = [
  { resource: 'volume', filters: [...everywhere, 'bootable', 'availability_zone', 'volume_type', 'size'] },
  { resource: 'snapshot', filters: [...everywhere, 'volume_id'] },
  { resource: 'backup', filters: ['name', 'status', 'volume_id'] },
  { resource: 'attachment', filters: ['volume_id', 'instance_id', 'status', 'attach_status'] },
  { resource: 'message', filters: ['resource_uuid', 'resource_type', 'event_id', 'request_id', 'message_level'] },
];

const ExtensionSchema = Type.Object({
  alias: Type.String(),
  name: Type.String(),
  description: Type.String(),
  updated: Type.String(),
  links: Type.Array(LinkSchema),
});

export const placeOperations = [
  operation({
    ...common,
    id: 'ListVolumeAvailabilityZones',
    group: 'availability zones',
    path: '/os-availability-zone',
    responses: {
      200: Type.Object({
        availabilityZoneInfo: Type.Array(
          Type.Object({ zoneName: Type.String(), zoneState: Type.Object({ available: Type.Boolean() }) }),
        ),
      }),
    },
    errors: [401],
    title: 'List availability zones',
    summary: 'Where volumes can be. A server uses volumes of its own zone.',
    examples: [
      {
        title: 'All',
        status: 200,
        response: { availabilityZoneInfo: [{ zoneName: 'nova', zoneState: { available: true } }] },
      },
    ],
    handle: async ({ cloud }) => {
      const zones = await cloud.zones.ofHosts();
      return {
        body: {
          availabilityZoneInfo: zones.map(({ name, enabled }) => ({
            zoneName: name,
            zoneState: { available: enabled },
          })),
        },
      };
    },
  }),
  operation({
    ...common,
    id: 'ListResourceFilters',
    group: 'filters',
    path: '/resource_filters',
    since: '3.33',
    query: Type.Object({ resource: Type.Optional(Type.String({ description: '`volume` or `snapshot`.' })) }),
    responses: {
      200: Type.Object({
        resource_filters: Type.Array(Type.Object({ resource: Type.String(), filters: Type.Array(Type.String()) })),
      }),
    },
    errors: [401],
    title: 'List filters',
    summary: 'By what lists of volumes and snapshots can be filtered.',
    examples: [
      {
        title: 'Of snapshots',
        query: { resource: 'snapshot' },
        status: 200,
        response: { resource_filters: resourceFilters.filter(({ resource }) => resource === 'snapshot') },
      },
    ],
    handle: ({ query }) => ({
      body: { resource_filters: resourceFilters.filter(({ resource }) => resource === (query.resource ?? resource)) },
    }),
  }),
  operation({
    ...common,
    id: 'ListVolumeExtensions',
    group: 'extensions',
    path: '/extensions',
    responses: { 200: Type.Object({ extensions: Type.Array(ExtensionSchema) }) },
    errors: [401],
    title: 'List extensions',
    summary: 'What there is beyond the core.',
    examples: [{ title: 'All', status: 200, response: { extensions } }],
    handle: () => ({ body: { extensions } }),
  }),
];
