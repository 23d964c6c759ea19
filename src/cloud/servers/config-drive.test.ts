import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { GuestNic } from '../../agent/contract.ts';
import { bytesOf, type FileContents } from '../../agent/file-content.ts';
import { configDriveFiles } from './config-drive.ts';
import { hostnameOf } from './creation.ts';
import type { Server } from './model.ts';

const server = {
  id: '0123456789abcdef0123456789abcdef',
  name: 'Web server',
  hostname: 'web-server',
  launchIndex: 2,
  projectId: 'p'.repeat(32),
  metadata: { role: 'web' },
  keyName: 'mine',
  publicKey: 'ssh-ed25519 AAAA me',
  userData: Buffer.from('#!/bin/sh\necho ready\n').toString('base64'),
} as unknown as Server;

function nic(portId: string, gateway: string | undefined): GuestNic {
  const subnet = { cidr: '10.64.0.0/16', gateway, address: '10.64.0.10', dnsNameservers: ['10.64.0.2'] };
  return { portId, macAddress: 'fa:16:3e:00:00:01', model: 'virtio', subnet, mtu: 1500 } as unknown as GuestNic;
}

const first = nic('a'.repeat(32), '10.64.0.1');
const second = nic('b'.repeat(32), '10.64.0.1');
const text = (files: FileContents, path: string) => bytesOf(files[path]!).toString();
const read = (files: FileContents, name: string) => JSON.parse(text(files, `openstack/latest/${name}`));

describe('the config drive', () => {
  const facts = { server, zoneName: 'nova', nics: [first, second] };

  it('has the same documents under every version that guests look for', () => {
    const files = configDriveFiles(facts);
    const versions = ['latest', '2018-08-27', '2012-08-10'];
    expect(Object.keys(files).sort()).toEqual(
      versions
        .flatMap((version) =>
          ['meta_data.json', 'network_data.json', 'user_data', 'vendor_data.json'].map(
            (name) => `openstack/${version}/${name}`,
          ),
        )
        .sort(),
    );
    for (const version of versions)
      expect(files[`openstack/${version}/meta_data.json`]).toBe(files['openstack/latest/meta_data.json']);
  });

  it('tells the guest who it is', () => {
    expect(read(configDriveFiles(facts), 'meta_data.json')).toEqual({
      uuid: '01234567-89ab-cdef-0123-456789abcdef',
      name: 'Web server',
      hostname: 'web-server',
      launch_index: 2,
      availability_zone: 'nova',
      project_id: 'p'.repeat(32),
      meta: { role: 'web' },
      public_keys: { mine: 'ssh-ed25519 AAAA me' },
      keys: [{ name: 'mine', type: 'ssh', data: 'ssh-ed25519 AAAA me' }],
      files: [],
      devices: [],
    });
  });

  it('leaves out what the server does not have', () => {
    const files = configDriveFiles({ ...facts, server: { ...server, publicKey: null, keyName: null, userData: null } });
    expect(read(files, 'meta_data.json')).not.toHaveProperty('public_keys');
    expect(read(files, 'meta_data.json')).not.toHaveProperty('admin_pass');
    expect(files).not.toHaveProperty('openstack/latest/user_data');
  });

  it('tells of IPv6 addresses, and how the guest gets them where it does so by itself', () => {
    const six = { cidr: 'fd00:1::/64', gateway: 'fd00:1::1', address: 'fd00:1::9', dnsNameservers: ['fd00:1::53'] };
    const routes = [{ destination: 'fd00:2::/48', nexthop: 'fd00:1::7' }];
    const nics = [
      {
        ...first,
        subnets6: [
          { ...six, routes },
          { ...six, mode: 'slaac' as const },
        ],
      },
      second,
    ];
    const data = read(configDriveFiles({ ...facts, nics }), 'network_data.json');
    expect(data.networks.map(({ id, type }: { id: string; type: string }) => [id, type])).toEqual([
      ['network0', 'ipv4'],
      ['network1', 'ipv6'],
      ['network2', 'ipv6_slaac'],
      ['network3', 'ipv4'],
    ]);
    expect(data.networks[1]).toEqual({
      id: 'network1',
      type: 'ipv6',
      link: `tap${'a'.repeat(11)}`,
      ip_address: 'fd00:1::9',
      netmask: 'ffff:ffff:ffff:ffff::',
      routes: [
        { network: '::', netmask: '::', gateway: 'fd00:1::1' },
        { network: 'fd00:2::', netmask: 'ffff:ffff:ffff::', gateway: 'fd00:1::7' },
      ],
      services: [{ type: 'dns', address: 'fd00:1::53' }],
    });
    expect(data.networks[2].routes).toEqual([]);
    expect(data.services).toContainEqual({ type: 'dns', address: 'fd00:1::53' });
  });

  it('tells of an interface of IPv6 alone, and the way out by the first one of IPv4', () => {
    const { subnet: _, ...link } = first;
    const six = { cidr: 'fd00:1::/64', gateway: 'fd00:1::1', address: 'fd00:1::9', dnsNameservers: [] };
    const nics = [{ ...link, subnets6: [{ ...six, mode: 'slaac' as const }] }, second];
    const { networks } = read(configDriveFiles({ ...facts, nics }), 'network_data.json');
    expect(networks).toMatchObject([{ type: 'ipv6_slaac' }, { type: 'ipv4' }]);
    const alone = read(
      configDriveFiles({ ...facts, nics: [nics[0]!, { ...first, subnets6: [] }] }),
      'network_data.json',
    );
    expect(alone.networks[1].routes).toContainEqual(expect.objectContaining({ network: '0.0.0.0' }));
  });

  it('gives user data and files as the bytes that they stand for', () => {
    const personality = [{ path: '/etc/motd', contents: Buffer.from('welcome').toString('base64') }];
    const files = configDriveFiles({ ...facts, adminPass: 'secret', personality });
    expect(text(files, 'openstack/latest/user_data')).toBe('#!/bin/sh\necho ready\n');
    expect(text(files, 'openstack/content/0000')).toBe('welcome');
    const metaData = read(files, 'meta_data.json');
    expect(metaData.admin_pass).toBe('secret');
    expect(metaData.files).toEqual([{ path: '/etc/motd', content_path: '/content/0000' }]);
  });

  it('keeps user data that is no text as it is', () => {
    const compressed = gzipSync('#cloud-config\nhostname: web\n');
    const files = configDriveFiles({ ...facts, server: { ...server, userData: compressed.toString('base64') } });
    expect(bytesOf(files['openstack/latest/user_data']!)).toEqual(compressed);
  });

  it('tells addresses, and one default route however many networks there are', () => {
    const network = read(configDriveFiles(facts), 'network_data.json');
    expect(network.links).toMatchObject([
      { id: 'tapaaaaaaaaaaa', ethernet_mac_address: 'fa:16:3e:00:00:01', mtu: 1500 },
      { id: 'tapbbbbbbbbbbb' },
    ]);
    expect(network.networks).toMatchObject([
      {
        type: 'ipv4',
        link: 'tapaaaaaaaaaaa',
        ip_address: '10.64.0.10',
        netmask: '255.255.0.0',
        routes: [{ network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.64.0.1' }],
      },
      { link: 'tapbbbbbbbbbbb', routes: [] },
    ]);
    expect(network.services).toEqual([{ type: 'dns', address: '10.64.0.2' }]);
  });
});

describe('a hostname', () => {
  const id = '0'.repeat(32);

  it.each([
    ['web-1', 'web-1'],
    ['Web Server_1.example', 'web-server-1-example'],
    ['--web--', 'web'],
    ['web!?*', 'web'],
    ['雲海', `server-${id}`],
    ['', `server-${id}`],
    ['a'.repeat(80), 'a'.repeat(63)],
    [`${'a'.repeat(62)}-b`, 'a'.repeat(62)],
  ])('of %j is %j', (name, hostname) => {
    expect(hostnameOf(name, id)).toBe(hostname);
    expect(hostname).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
  });
});
