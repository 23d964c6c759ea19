import { Type as T } from 'typebox';
import { cluster, host, zone } from '../inventories/places.ts';
import {
  architectures,
  booleanField,
  descriptionField,
  nameField,
  oneOfField,
  textField,
  uuidIn,
} from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument, resourceNotFound } from '../protocol/zstack-error.ts';
import { change, creationExample, deletion, stateChange } from './simple-operations.ts';

const shared = { since: '0.6', allow: 'admin' } as const;
const dates = { createDate: 'Nov 21, 2026 2:00:00 PM', lastOpDate: 'Nov 21, 2026 2:00:00 PM' };
const zoneExample = {
  uuid: '8d3f4a1c6b7e4c2d9a0f1e2d3c4b5a69',
  name: 'west',
  state: 'Enabled',
  type: 'zstack',
  isDefault: false,
  ...dates,
};
const clusterExample = {
  uuid: '5c0e8f4d9b3a4e1f8c7d6b5a49382716',
  name: 'west-1',
  state: 'Enabled',
  hypervisorType: 'KVM',
  zoneUuid: zoneExample.uuid,
  type: 'zstack',
  architecture: 'x86_64',
  ...dates,
};
/** A host as the examples show it. */
export const hostExample = {
  uuid: '6f1e2d3c4b5a49388271605f4e3d2c1b',
  name: 'host-1',
  zoneUuid: zoneExample.uuid,
  clusterUuid: clusterExample.uuid,
  managementIp: '127.0.0.1',
  hypervisorType: 'KVM',
  state: 'Enabled',
  status: 'Connected',
  ...dates,
};
const zones = { ...shared, group: 'Zone', package: 'header.zone', result: zone, example: zoneExample } as const;
const clusters = {
  ...shared,
  group: 'Cluster',
  package: 'header.cluster',
  result: cluster,
  example: clusterExample,
} as const;
const hosts = { ...shared, group: 'Host', package: 'header.host', result: host, example: hostExample } as const;

const createZone = jobOperation({
  ...shared,
  group: zones.group,
  package: zones.package,
  id: 'CreateZone',
  creates: 'zone',
  method: 'POST',
  path: '/zones',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    isDefault: booleanField('Whether it is meant where no zone is named.'),
  }),
  result: zone,
  title: 'Create a zone',
  summary: 'Makes an availability zone. Its name must be new: OpenStack’s clients know zones by name.',
  examples: [creationExample('A zone', { name: 'west' }, zoneExample)],
  handle: async ({ cloud, input }) => {
    const { resourceUuid: id, name, description, isDefault } = input;
    const uuid = await cloud.zones.changes.createZone({ id, name, description, isDefault });
    return { uuid };
  },
});

const createCluster = jobOperation({
  ...shared,
  group: clusters.group,
  package: clusters.package,
  id: 'CreateCluster',
  creates: 'cluster',
  method: 'POST',
  path: '/clusters',
  body: T.Object({
    zoneUuid: T.String({ maxLength: 64, description: 'The zone.' }),
    name: nameField,
    description: descriptionField,
    hypervisorType: T.String({ maxLength: 32, description: 'KVM, or Simulator.' }),
    type: textField('zstack.'),
    architecture: oneOfField(architectures, 'The processors of its hosts.'),
  }),
  result: cluster,
  title: 'Create a cluster',
  summary: 'Makes a group of hosts of one kind within a zone.',
  examples: [
    creationExample(
      'A cluster',
      { zoneUuid: zoneExample.uuid, name: 'west-1', hypervisorType: 'KVM', architecture: 'x86_64' },
      clusterExample,
    ),
  ],
  handle: async ({ cloud, input }) => {
    const { resourceUuid: id, zoneUuid: zoneId, name, description, hypervisorType, architecture } = input;
    if (hypervisorType !== 'KVM' && hypervisorType !== 'Simulator') {
      throw invalidArgument(`valid value for field[hypervisorType] are [KVM, Simulator], but ${hypervisorType} found`);
    }
    if (!(await cloud.zones.names()).has(zoneId)) throw resourceNotFound('zoneUuid', zoneId, 'ZoneVO');
    const kind = hypervisorType === 'Simulator' ? 'simulated' : 'KVM';
    const wanted = { id, zoneId, name, description, hypervisorType: kind, architecture };
    const uuid = await cloud.zones.changes.createCluster(wanted);
    return { uuid };
  },
});

const changeHostState = jobOperation({
  ...shared,
  group: hosts.group,
  package: hosts.package,
  id: 'ChangeHostState',
  method: 'PUT',
  path: '/hosts/{uuid}/actions',
  params: uuidIn('uuid', 'The host.'),
  body: T.Object({
    stateEvent: T.Unsafe<'enable' | 'disable' | 'maintain'>({
      type: 'string',
      enum: ['enable', 'disable', 'maintain'],
      description: 'enable, disable or maintain.',
    }),
  }),
  result: host,
  title: 'Enable, disable or maintain a host',
  summary: 'New servers are placed on enabled hosts only. Servers that are there stay.',
  examples: [
    {
      title: 'Disable',
      params: { uuid: hostExample.uuid },
      body: { changeHostState: { stateEvent: 'disable' } },
      status: 200,
      response: { inventory: { ...hostExample, state: 'Disabled' }, success: true },
    },
  ],
  handle: async ({ cloud, input: { uuid, stateEvent } }) => {
    const states = { enable: 'enabled', disable: 'disabled', maintain: 'maintenance' } as const;
    await cloud.hosts.get(uuid);
    await cloud.hosts.setState(uuid, states[stateEvent]);
    return { uuid };
  },
});

export const placeChangeOperations = [
  createZone,
  createCluster,
  changeHostState,
  change({
    ...zones,
    id: 'UpdateZone',
    path: '/zones/{uuid}/actions',
    title: 'Change a zone',
    summary: 'Changes its name, description, or whether it is the default one.',
    body: { isDefault: booleanField('Whether it is meant where no zone is named.') },
    apply: async ({ cloud, input: { uuid, name, description } }, { isDefault }) => {
      await cloud.zones.changes.updateZone(uuid, { name, description, isDefault });
      return undefined;
    },
  }),
  stateChange({
    ...zones,
    id: 'ChangeZoneState',
    path: '/zones/{uuid}/actions',
    title: 'Enable or disable a zone',
    summary: 'Its clusters and hosts go with it: nothing new is placed on disabled hosts.',
    apply: ({ cloud, input: { uuid } }, enabled) => cloud.zones.changes.setZoneEnabled(uuid, enabled),
  }),
  deletion({
    ...zones,
    id: 'DeleteZone',
    path: '/zones/{uuid}',
    title: 'Delete a zone',
    summary: 'Refused while it has hosts. Its clusters and L2 networks go with it.',
    remove: async ({ cloud, input: { uuid } }) => {
      await cloud.zones.changes.deleteZone(uuid);
      // No image is missing there from now on.
      await cloud.imageStores.refresh();
      return undefined;
    },
  }),
  change({
    ...clusters,
    id: 'UpdateCluster',
    path: '/clusters/{uuid}/actions',
    title: 'Change a cluster',
    summary: 'Changes its name or description.',
    apply: async ({ cloud, input: { uuid, name, description } }) => {
      await cloud.zones.changes.updateCluster(uuid, { name, description });
      return undefined;
    },
  }),
  stateChange({
    ...clusters,
    id: 'ChangeClusterState',
    path: '/clusters/{uuid}/actions',
    title: 'Enable or disable a cluster',
    summary: 'Its hosts go with it: nothing new is placed on disabled hosts.',
    apply: ({ cloud, input: { uuid } }, enabled) => cloud.zones.changes.setClusterEnabled(uuid, enabled),
  }),
  deletion({
    ...clusters,
    id: 'DeleteCluster',
    path: '/clusters/{uuid}',
    title: 'Delete a cluster',
    summary: 'Refused while it has hosts.',
    remove: async ({ cloud, input: { uuid } }) => {
      await cloud.zones.changes.deleteCluster(uuid);
      return undefined;
    },
  }),
];
