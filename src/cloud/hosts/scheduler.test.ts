import { describe, expect, it } from 'vitest';
import type { Host } from './model.ts';
import { chooseHosts, type HostUsage, noValidHost, type PlacementRequest } from './scheduler.ts';

function candidate(name: string, host: Partial<Host> = {}, used: Partial<HostUsage['used']> = {}): HostUsage {
  const whole: Host = {
    id: name,
    name,
    zoneId: 'zone',
    clusterId: 'cluster',
    state: 'enabled',
    status: 'connected',
    managementAddress: '127.0.0.1',
    hypervisorType: 'QEMU',
    hypervisorVersion: 7002000,
    accelerator: 'tcg',
    architecture: 'x86_64',
    vcpus: 4,
    memoryMb: 4096,
    diskGb: 100,
    reservedMemoryMb: 512,
    cpuRatio: 2,
    memoryRatio: 1,
    diskRatio: 1,
    disabledReason: null,
    forcedDown: false,
    createdAt: 1,
    updatedAt: 1,
    ...host,
  };
  return { host: whole, used: { vcpus: 0, memoryMb: 0, diskGb: 0, ...used }, servers: 0, storages: [] };
}

const small: PlacementRequest = { vcpus: 1, memoryMb: 512, diskGb: 1 };
const chosen = (candidates: HostUsage[], request: Partial<PlacementRequest> = {}) =>
  chooseHosts(candidates, { ...small, ...request }).map(({ name }) => name);

describe('placement', () => {
  it.each<[string, HostUsage, Partial<PlacementRequest>]>([
    ['in maintenance', candidate('a', { state: 'maintenance' }), {}],
    ['disabled', candidate('a', { state: 'disabled' }), {}],
    ['not connected', candidate('a', { status: 'disconnected' }), {}],
    ['in another zone', candidate('a'), { zoneId: 'other' }],
    ['does not have its disks', candidate('a'), { onlyHostId: 'b' }],
    ['failed just before', candidate('a'), { avoidHostIds: ['a'] }],
    ['is x86_64, not aarch64', candidate('a'), { architecture: 'aarch64' }],
    ['lacks vCPUs (need 9, free 8)', candidate('a'), { vcpus: 9 }],
    ['lacks vCPUs (need 1, free 0)', candidate('a', {}, { vcpus: 8 }), {}],
    ['lacks memory (need 3585 MB, free 3584 MB)', candidate('a'), { memoryMb: 3585 }],
    ['lacks disk (need 101 GB, free 100 GB)', candidate('a'), { diskGb: 101 }],
  ])('refuses a host that is or has: %s', (reason, host, request) => {
    expect(() => chosen([host], request)).toThrow(`No valid host was found. 1 host: 1 ${reason}.`);
  });

  it('fills a host to its last megabyte', () => {
    expect(chosen([candidate('a', {}, { vcpus: 7, memoryMb: 3072, diskGb: 99 })])).toEqual(['a']);
  });

  it('never says that less than nothing is free', () => {
    const overfull = candidate('a', {}, { memoryMb: 9999 });
    expect(() => chosen([overfull])).toThrow('1 lacks memory (need 512 MB, free 0 MB)');
  });

  it('prefers the emptiest host, and decides between equals by id', () => {
    expect(chosen([candidate('b', {}, { memoryMb: 1024 }), candidate('c'), candidate('a')])).toEqual(['a', 'c', 'b']);
  });

  it('says of all hosts why they refuse, those with the same reason together', () => {
    const hosts = [
      candidate('a', { state: 'maintenance', vcpus: 0 }),
      candidate('b', { memoryMb: 1024 }),
      candidate('c', { memoryMb: 1280 }),
    ];
    expect(() => chosen(hosts, { memoryMb: 2048 })).toThrow(
      'No valid host was found. 3 hosts: 2 lack memory (need 2048 MB, free 512/768 MB), 1 in maintenance.',
    );
  });

  it('tells operators of each host and the filter that refused it', () => {
    const hosts = [candidate('a', { state: 'disabled' }), candidate('b', { vcpus: 0 })];
    const refusal = (() => {
      try {
        return chooseHosts(hosts, small);
      } catch (error) {
        return error;
      }
    })();
    const facts = 'a: state: disabled; b: vcpus: lacks vCPUs (need 1, free 0)';
    expect(refusal).toMatchObject({ cause: { message: facts } });
  });

  it('prefers the host that a server is on, and refuses it to one that shall leave it', () => {
    const hosts = [candidate('a', {}, { memoryMb: 2048 }), candidate('b')];
    expect(chosen(hosts, { preferredHostId: 'a' })).toEqual(['a', 'b']);
    expect(chosen(hosts, { leftHostId: 'b' })).toEqual(['a']);
    expect(() => chosen(hosts, { leftHostId: 'b', wantedHostId: 'b' })).toThrow(
      '2 hosts: 1 is not the one asked for, 1 has the server now.',
    );
  });

  it('says so when there are no hosts at all', () => {
    expect(() => chosen([])).toThrow('No valid host was found. There are no hosts.');
    expect(noValidHost([]).code).toBe('no_valid_host');
  });
});
