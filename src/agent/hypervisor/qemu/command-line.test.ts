import { expect, test } from 'vitest';
import type { GuestDisk, GuestNic, GuestSpec } from '../../contract.ts';
import { userNetworkDriver } from '../../network/user/user-driver.ts';
import { qemuArguments } from './command-line.ts';

const guest: GuestSpec = {
  serverId: '0123456789abcdef0123456789abcdef',
  instanceName: 'instance-0000002a',
  vcpus: 2,
  memoryMb: 512,
  bootMode: 'bios',
  disks: [],
  hasConfigDrive: false,
  nics: [],
};
const context = {
  accelerator: 'tcg' as const,
  folder: '/data/guests/0123',
  diskPath: ({ diskId }: { diskId: string }) => `/data/disks/${diskId}.qcow2`,
  network: userNetworkDriver(),
};
const disk = (diskId: string, bus: GuestDisk['bus']): GuestDisk => ({
  diskId,
  volumeId: `volume-of-${diskId}-and-more`,
  bus,
});

function valuesOf(args: string[], option: string): string[] {
  return args.flatMap((arg, index) => (arg === option ? [args[index + 1]!] : []));
}

function devices(args: string[]): Array<Record<string, unknown>> {
  return valuesOf(args, '-device').map((json) => JSON.parse(json) as Record<string, unknown>);
}

test('a guest is known by its ids, to administrators and to itself', () => {
  const args = qemuArguments({ ...guest, instanceName: 'a,process=b' }, context);
  expect(valuesOf(args, '-uuid')).toEqual(['01234567-89ab-cdef-0123-456789abcdef']);
  expect(valuesOf(args, '-name')).toEqual(['guest=a,,process=b,debug-threads=on']);
  expect(valuesOf(args, '-smbios')[0]).toContain('product=OpenStack Nova');
  expect(valuesOf(args, '-pidfile')).toEqual(['/data/guests/0123/pid']);
});

test('a guest listens on unix sockets only, by short names, in a sandbox', () => {
  const args = qemuArguments(guest, context);
  expect(valuesOf(args, '-vnc')).toEqual(['unix:vnc.sock']);
  for (const chardev of valuesOf(args, '-chardev')) expect(chardev).toMatch(/^socket,id=\w+,path=\w+\.sock,/);
  expect(valuesOf(args, '-sandbox')).toEqual([
    'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
  ]);
});

test('the accelerator decides on the processor', () => {
  expect(valuesOf(qemuArguments(guest, context), '-cpu')).toEqual(['max']);
  const kvm = qemuArguments(guest, { ...context, accelerator: 'kvm' });
  expect([...valuesOf(kvm, '-accel'), ...valuesOf(kvm, '-cpu')]).toEqual(['kvm', 'host']);
});

test('disks are qcow2 by statement, in order, and carry their volume as serial number', () => {
  const args = qemuArguments({ ...guest, disks: [disk('a', 'virtio'), disk('b', 'sata'), disk('c', 'ide')] }, context);
  const nodes = valuesOf(args, '-blockdev').map((json) => JSON.parse(json) as Record<string, unknown>);
  expect(
    nodes.map((node) => [node['node-name'], node['driver'], (node['file'] as { filename: string }).filename]),
  ).toEqual([
    ['vol-volume-of-a-and-more', 'qcow2', '/data/disks/a.qcow2'],
    ['vol-volume-of-b-and-more', 'qcow2', '/data/disks/b.qcow2'],
    ['vol-volume-of-c-and-more', 'qcow2', '/data/disks/c.qcow2'],
  ]);
  expect(devices(args).filter((device) => 'drive' in device)).toMatchObject([
    { driver: 'virtio-blk-pci', drive: 'vol-volume-of-a-and-more', serial: 'volume-of-a-and-more', bootindex: 1 },
    { driver: 'ide-hd', drive: 'vol-volume-of-b-and-more', bus: 'ahci0.0', bootindex: 2 },
    { driver: 'ide-hd', drive: 'vol-volume-of-c-and-more', bus: 'ide.0', unit: 0, bootindex: 3 },
  ]);
});

test('the config drive is a CD-ROM that takes no place from the disks', () => {
  const disks = [disk('a', 'cdrom'), disk('b', 'ide'), disk('c', 'ide')];
  const args = qemuArguments({ ...guest, disks, hasConfigDrive: true }, context);
  const slots = devices(args)
    .filter((device) => 'drive' in device)
    .map((device) => [device['drive'], device['bus'], device['unit']]);
  expect(slots).toEqual([
    ['vol-volume-of-a-and-more', 'ide.0', 0],
    ['vol-volume-of-b-and-more', 'ide.0', 1],
    ['vol-volume-of-c-and-more', 'ide.1', 1],
    ['config-drive', 'ide.1', 0],
  ]);
  const tooMany = { ...guest, disks: [...disks, disk('d', 'ide')], hasConfigDrive: true };
  expect(() => qemuArguments(tooMany, context)).toThrow(expect.objectContaining({ code: 'unsupported' }));
});

test('more SATA disks than a controller has ports get another one', () => {
  const disks = Array.from({ length: 7 }, (_, index) => disk(`s${index}`, 'sata'));
  const all = devices(qemuArguments({ ...guest, disks }, context));
  expect(all.filter((device) => device['driver'] === 'ahci')).toHaveLength(2);
  expect(all.at(-1)).toMatchObject({ bus: 'ahci1.0' });
});

test('NICs stand before disks, so that their names in the guest do not change with the disks', () => {
  const subnet = { cidr: '10.0.0.0/24', address: '10.0.0.9', dnsNameservers: [] };
  const nics: GuestNic[] = [
    { portId: 'p', networkId: 'n', macAddress: 'fa:16:3e:00:00:01', model: 'virtio', subnet, mtu: 1450 },
  ];
  const all = devices(qemuArguments({ ...guest, nics, disks: [disk('a', 'virtio')] }, context));
  expect(all.map(({ driver }) => driver).slice(-2)).toEqual(['virtio-net-pci', 'virtio-blk-pci']);
});

test('a disk that is for reading only is so for the guest', () => {
  const args = qemuArguments({ ...guest, disks: [{ ...disk('a', 'virtio'), readOnly: true }] }, context);
  expect(JSON.parse(valuesOf(args, '-blockdev')[0]!)).toMatchObject({ 'read-only': true });
});

test('a NIC has the address of its port', () => {
  const subnet = { cidr: '10.0.0.0/24', gateway: '10.0.0.1', address: '10.0.0.9', dnsNameservers: [] };
  const nic: GuestNic = {
    portId: 'p',
    networkId: 'n',
    macAddress: 'fa:16:3e:00:00:01',
    model: 'virtio',
    subnet,
    mtu: 1450,
  };
  const args = qemuArguments({ ...guest, nics: [nic, { ...nic, portId: 'q', model: 'e1000' }] }, context);
  expect(valuesOf(args, '-netdev')[0]).toBe(
    'user,id=net-p,net=10.0.0.0/24,host=10.0.0.1,dhcpstart=10.0.0.9,dns=10.0.0.2,ipv6=off,restrict=off',
  );
  expect(devices(args).filter((device) => 'netdev' in device)).toMatchObject([
    { driver: 'virtio-net-pci', mac: 'fa:16:3e:00:00:01', host_mtu: 1450 },
    { driver: 'e1000', netdev: 'net-q', id: 'nic-q' },
  ]);
});

test('UEFI has its code from the host and its variables from the guest, and is refused where there is none', () => {
  const uefi = { ...guest, bootMode: 'uefi' as const };
  expect(() => qemuArguments(uefi, context)).toThrow(expect.objectContaining({ code: 'unsupported' }));
  const args = qemuArguments(uefi, { ...context, uefiCode: '/firmware/CODE.fd' });
  expect(valuesOf(args, '-blockdev').map((text) => JSON.parse(text))).toEqual([
    {
      driver: 'raw',
      'node-name': 'uefi-code',
      'read-only': true,
      file: { driver: 'file', filename: '/firmware/CODE.fd' },
    },
    {
      driver: 'raw',
      'node-name': 'uefi-variables',
      'read-only': false,
      file: { driver: 'file', filename: '/data/guests/0123/uefi-variables.fd' },
    },
  ]);
  expect(valuesOf(args, '-machine')[0]).toMatch(/,pflash0=uefi-code,pflash1=uefi-variables$/);
});

test('one disk can be booted from before those that stand before it', () => {
  const disks = [disk('a', 'virtio'), disk('b', 'virtio'), { ...disk('c', 'sata'), bootsFirst: true }];
  const all = devices(qemuArguments({ ...guest, disks }, context)).filter((device) => 'drive' in device);
  expect(all.map(({ serial, bootindex }) => [serial, bootindex])).toEqual([
    ['volume-of-a-and-more', 2],
    ['volume-of-b-and-more', 3],
    ['volume-of-c-and-more', 1],
  ]);
});

test('UEFI sees to the config drive too: it is in the boot order, behind the disks', () => {
  const uefi = { ...guest, bootMode: 'uefi' as const, hasConfigDrive: true, disks: [disk('a', 'virtio')] };
  const all = devices(qemuArguments(uefi, { ...context, uefiCode: '/firmware/CODE.fd' }));
  expect(all.filter((device) => 'bootindex' in device)).toMatchObject([
    { driver: 'virtio-blk-pci', bootindex: 1 },
    { driver: 'ide-cd', bootindex: 2 },
  ]);
});

test('a disk in Ceph is opened by its pool and name, as raw', () => {
  const image = { conf: '/etc/ceph/ceph.conf', user: 'unkai', pool: 'vms', image: 'a' };
  const args = qemuArguments(
    { ...guest, disks: [disk('a', 'virtio'), disk('b', 'virtio')] },
    {
      ...context,
      inCeph: new Map([['a', image]]),
    },
  );
  const nodes = valuesOf(args, '-blockdev').map((text) => JSON.parse(text));
  expect(nodes.find((node) => node.file.driver === 'rbd')).toMatchObject({ driver: 'raw', file: image });
  expect(nodes.filter((node) => node.driver === 'qcow2')).toHaveLength(1);
});
