import { l3Example } from './l3-examples.ts';

export const nicExample = {
  uuid: 'e5f60718293a445f96c7d8e9f0011223',
  vmInstanceUuid: '3b9c1c0f2a6d4f7e8f5a1d2c3b4e5f60',
  l3NetworkUuid: l3Example.uuid,
  ip: '10.0.0.5',
  mac: 'fa:16:3e:01:02:03',
  hypervisorType: 'KVM',
  netmask: '255.255.255.0',
  gateway: '10.0.0.1',
  ipVersion: 4,
  driverType: 'virtio',
  internalName: 'tape5f60718293',
  deviceId: 0,
  type: 'VNIC',
  state: 'enable',
  usedIps: [],
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};
