import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ServerDetail } from '../../../cloud/servers/details.ts';
import { power } from '../../../cloud/servers/model.ts';
import { basicView, detailView, type ServerViewContext } from './server-view.ts';

const at = (time: string) => Date.parse(time) * 1000;
const project = 'bb46ff7286ed4e418958c2a5e06cd4a2';

const server: ServerDetail = {
  id: '075e40fe9f034652ba8e5f8e2547899a',
  instanceName: 'instance-0000002a',
  projectId: project,
  userId: '1f708e1376784e529a7b09eb5ff1a5fc',
  name: 'foobar',
  description: null,
  hostname: 'foobar',
  vmState: 'active',
  taskState: null,
  powerState: power.running,
  progress: 0,
  hostId: '0'.repeat(32),
  zoneId: '1'.repeat(32),
  imageId: '70a599e031e749b7b260868f441e862b',
  flavor: {
    id: '1',
    uuid: 'f'.repeat(32),
    name: 'm1.tiny',
    vcpus: 1,
    memoryMb: 512,
    diskGb: 1,
    ephemeralGb: 0,
    swapMb: 0,
    extraSpecs: { 'hw:cpu_policy': 'shared' },
  },
  previous: null,
  shelvedImageId: null,
  rescueDiskId: null,
  rescueBus: null,
  rootVolumeId: '2'.repeat(32),
  keyName: null,
  publicKey: null,
  metadata: { 'meta var': 'meta val' },
  hardware: {},
  userData: null,
  hasConfigDrive: false,
  diskConfig: 'MANUAL',
  accessIpv4: '1.2.3.4',
  accessIpv6: 'fe80::100',
  locked: false,
  lockedReason: null,
  reservationId: 'r-1a2b3c4d',
  launchIndex: 0,
  pinnedZoneId: null,
  fault: null,
  createdAt: at('2012-09-12T17:20:36Z'),
  updatedAt: at('2012-09-12T17:20:37Z'),
  launchedAt: at('2012-09-12T17:20:37Z') + 1,
  terminatedAt: null,
  deletedAt: null,
  deletedFrom: null,
  reclaimAt: null,
  zoneName: 'nova',
  hostName: 'host-1',
  addresses: [
    {
      networkId: '3'.repeat(32),
      networkName: 'private',
      portId: '4'.repeat(32),
      macAddress: 'fa:16:3e:00:00:01',
      version: 4,
      address: '192.168.0.3',
      kind: 'fixed',
    },
  ],
  securityGroups: ['default'],
  attachedVolumes: [{ id: '5'.repeat(32), deleteOnTermination: true, device: '/dev/vdb' }],
};

const root = 'http://openstack.example.com';
const context = (minor: number, isAdmin = false): ServerViewContext => ({
  base: `${root}/v2/openstack`,
  minor,
  isAdmin,
});
const id = '075e40fe-9f03-4652-ba8e-5f8e2547899a';

describe('a server after its update or rebuild', () => {
  it('has what it always had, and nothing that came with extensions', () => {
    expect(basicView(server, context(1), {})).toEqual({
      accessIPv4: '1.2.3.4',
      accessIPv6: 'fe80::100',
      addresses: { private: [{ addr: '192.168.0.3', version: 4 }] },
      created: '2012-09-12T17:20:36Z',
      flavor: { id: '1', links: [{ href: `${root}/openstack/flavors/1`, rel: 'bookmark' }] },
      hostId: createHash('sha224').update(`${project}host-1`).digest('hex'),
      id,
      image: {
        id: '70a599e0-31e7-49b7-b260-868f441e862b',
        links: [{ href: `${root}/openstack/images/70a599e0-31e7-49b7-b260-868f441e862b`, rel: 'bookmark' }],
      },
      links: [
        { href: `${root}/v2/openstack/servers/${id}`, rel: 'self' },
        { href: `${root}/openstack/servers/${id}`, rel: 'bookmark' },
      ],
      metadata: { 'meta var': 'meta val' },
      name: 'foobar',
      progress: 0,
      status: 'ACTIVE',
      tenant_id: project,
      updated: '2012-09-12T17:20:37Z',
      user_id: '1f708e1376784e529a7b09eb5ff1a5fc',
      'OS-DCF:diskConfig': 'MANUAL',
    });
  });
});

describe('a server in full', () => {
  const added = (minor: number, isAdmin = false) => {
    const before = new Set(Object.keys(detailView(server, context(minor - 1, isAdmin), {})));
    return Object.keys(detailView(server, context(minor, isAdmin), {})).filter((key) => !before.has(key));
  };

  it('has the extensions of 2.1', () => {
    expect(detailView(server, context(1), {})).toMatchObject({
      addresses: {
        private: [
          {
            addr: '192.168.0.3',
            version: 4,
            'OS-EXT-IPS:type': 'fixed',
            'OS-EXT-IPS-MAC:mac_addr': 'fa:16:3e:00:00:01',
          },
        ],
      },
      config_drive: '',
      key_name: null,
      security_groups: [{ name: 'default' }],
      'OS-EXT-AZ:availability_zone': 'nova',
      'OS-EXT-STS:vm_state': 'active',
      'OS-EXT-STS:task_state': null,
      'OS-EXT-STS:power_state': 1,
      'OS-SRV-USG:launched_at': '2012-09-12T17:20:37.000001',
      'OS-SRV-USG:terminated_at': null,
      'os-extended-volumes:volumes_attached': [{ id: '55555555-5555-5555-5555-555555555555' }],
    });
  });

  it('shows users nothing of the host, and administrators all', () => {
    const ofAdmins = (minor: number) =>
      Object.keys(detailView(server, context(minor, true), {})).filter(
        (key) => key.startsWith('OS-EXT-SRV-ATTR:') || key === 'host_status',
      );
    expect(Object.keys(detailView(server, context(53), {})).filter((key) => key.includes('SRV-ATTR'))).toEqual([]);
    expect(ofAdmins(1)).toHaveLength(3);
    expect(ofAdmins(53)).toHaveLength(11);
    const host = { state: 'enabled', status: 'disconnected' } as const;
    expect(detailView(server, context(16, true), { host })).toMatchObject({ host_status: 'DOWN' });
  });

  it('gets members with the microversions that brought them', () => {
    expect(added(9)).toEqual(['locked']);
    expect(added(16, true)).toEqual(['host_status']);
    expect(added(19)).toEqual(['description']);
    expect(added(26)).toEqual(['tags']);
    expect(detailView(server, context(3), {})['os-extended-volumes:volumes_attached']).toEqual([
      { id: '55555555-5555-5555-5555-555555555555', delete_on_termination: true },
    ]);
    expect(detailView(server, context(46), {}).flavor).toHaveProperty('id');
    expect(detailView(server, context(47), {}).flavor).toEqual({
      vcpus: 1,
      ram: 512,
      disk: 1,
      ephemeral: 0,
      swap: 0,
      original_name: 'm1.tiny',
      extra_specs: { 'hw:cpu_policy': 'shared' },
    });
  });

  it('tells its fault when it failed, and details of it to administrators', () => {
    const fault = { code: 500, message: 'No valid host', details: 'Traceback', createdAt: at('2020-01-01T00:00:00Z') };
    const failed = { ...server, vmState: 'error', fault, hostName: null, hostId: null } as const;
    expect(detailView({ ...server, fault }, context(1), {})).not.toHaveProperty('fault');
    const seen = { code: 500, created: '2020-01-01T00:00:00Z', message: 'No valid host' };
    const view = detailView(failed, context(1), {});
    expect(view).toMatchObject({ status: 'ERROR', hostId: '' });
    expect('fault' in view && view.fault).toEqual(seen);
    expect(view).not.toHaveProperty('progress');
    expect(detailView(failed, context(1, true), {})).toMatchObject({ fault: { ...seen, details: 'Traceback' } });
  });

  it('has no image when it boots from a volume', () => {
    expect(detailView({ ...server, imageId: null }, context(1), {}).image).toBe('');
  });
});
