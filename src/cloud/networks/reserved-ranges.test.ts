import { afterEach, beforeEach, expect, it } from 'vitest';
import { holdWrites, untilBlocked } from '../../../tests/support/held-writes.ts';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { admin, member, projectA, projectB, type TestNetworks, testNetworks, unlimited } from './test-cloud.ts';

const subject = member(projectA);
const settings = { defaultQuotas: unlimited };

eachDatabase('addresses that are reserved', (open) => {
  let cloud: TestNetworks;
  let networkId: string;

  beforeEach(async () => {
    cloud = await testNetworks(settings, await open());
    const [network] = await cloud.networks.networks.create(subject, [{ name: 'n' }]);
    networkId = network!.id;
  });
  afterEach(() => cloud.db.close());

  const subnet = async (cidr: string, more = {}) => {
    const ipVersion = cidr.includes(':') ? 6 : 4;
    const [made] = await cloud.networks.subnets.create(subject, [{ networkId, cidr, ipVersion, ...more }]);
    return made!;
  };
  const reserve = (start: string, end: string, who = subject) =>
    cloud.networks.reservedRanges.add(who, { networkId, start, end });
  const port = async (...addresses: string[]) => {
    const fixedIps = addresses.length > 0 ? { fixedIps: addresses.map((ipAddress) => ({ ipAddress })) } : {};
    const [made] = await cloud.networks.ports.create(subject, [{ networkId, ...fixedIps }]);
    return made!.fixedIps.map(({ ipAddress }) => ipAddress);
  };

  it('are passed over, in both families, until they are free again', async () => {
    await subnet('10.0.0.0/24');
    await subnet('fd00::/64');
    const four = await reserve('10.0.0.2', '10.0.0.9');
    await reserve('fd00:0::2', 'fd00::ffff');
    expect(await port()).toEqual(['10.0.0.10', 'fd00::1:0']);
    expect(four).toMatchObject({ networkId, ipVersion: 4, start: '10.0.0.2', end: '10.0.0.9' });
    await cloud.networks.reservedRanges.remove(subject, four.id);
    expect(await port()).toEqual(['10.0.0.2', 'fd00::1:1']);
    expect(await cloud.networks.reservedRanges.of([networkId])).toMatchObject([
      { start: 'fd00::2', end: 'fd00::ffff' },
    ]);
  });

  it('are given to nobody who names them, either', async () => {
    await subnet('10.0.0.0/24');
    await reserve('10.0.0.1', '10.0.0.20');
    const refused = { code: 'conflict', details: { reason: 'ip_address_in_use' } };
    await expect(port('10.0.0.20')).rejects.toMatchObject(refused);
    expect(await port('10.0.0.21')).toEqual(['10.0.0.21']);
    const [one] = await cloud.networks.ports.list(subject, { filters: { networkId: [networkId] } });
    const taken = cloud.networks.ports.update(subject, one!.id, { fixedIps: [{ ipAddress: '10.0.0.5' }] });
    await expect(taken).rejects.toMatchObject(refused);
  });

  it('stay those of a router, where it has the gateway', async () => {
    const { id, gatewayIp } = await subnet('10.0.0.0/24');
    await reserve('10.0.0.1', '10.0.0.20');
    const [router] = await cloud.networks.routers.create(subject, [{ name: 'r' }]);
    await cloud.networks.routerInterfaces.add(subject, router!.id, { subnetId: id });
    const [ofRouter] = await cloud.networks.ports.list(subject, { filters: { deviceId: [router!.id] } });
    expect(ofRouter!.fixedIps).toEqual([{ subnetId: id, ipAddress: gatewayIp }]);
  });

  it('leave none where all are', async () => {
    await subnet('10.0.0.0/29');
    await reserve('10.0.0.2', '10.0.0.6');
    await expect(port()).rejects.toMatchObject({ details: { reason: 'ip_address_generation_failure' } });
  });

  it('are those of subnets that come later, too', async () => {
    await reserve('10.0.0.2', '10.0.0.9');
    await subnet('10.0.0.0/24');
    expect(await port()).toEqual(['10.0.0.10']);
  });

  it('are refused where they are used, reserved already, or none', async () => {
    await subnet('10.0.0.0/24');
    expect(await port()).toEqual(['10.0.0.2']);
    await expect(reserve('10.0.0.2', '10.0.0.9')).rejects.toMatchObject({ details: { reason: 'ip_address_in_use' } });
    await reserve('10.0.0.3', '10.0.0.9');
    const overlap = { code: 'conflict', details: { reason: 'reserved_range_overlap' } };
    await expect(reserve('10.0.0.9', '10.0.0.9')).rejects.toMatchObject(overlap);
    for (const [start, end] of [
      ['10.0.0.30', '10.0.0.20'],
      ['10.0.0.30', 'fd00::1'],
      ['ten', '10.0.0.20'],
    ] as const) {
      await expect(reserve(start, end)).rejects.toMatchObject({ code: 'invalid' });
    }
  });

  it('are the business of who owns the network', async () => {
    await cloud.networks.networks.update(admin, networkId, { shared: true });
    const notFound = { code: 'not_found' };
    await expect(reserve('10.0.0.3', '10.0.0.9', member(projectB))).rejects.toMatchObject(notFound);
    const { id } = await reserve('10.0.0.3', '10.0.0.9', admin);
    await expect(cloud.networks.reservedRanges.remove(member(projectB), id)).rejects.toMatchObject(notFound);
    await cloud.networks.networks.delete(subject, networkId);
    expect(await cloud.networks.reservedRanges.of([networkId])).toEqual([]);
  });

  it('are missed by no port that is made meanwhile', async () => {
    await subnet('10.0.0.0/24');
    const { db, held, commit } = holdWrites(cloud.db);
    const other = await testNetworks(settings, db);
    const adding = other.networks.reservedRanges.add(subject, { networkId, start: '10.0.0.2', end: '10.0.0.9' });
    await held;
    const made = port();
    await untilBlocked(cloud.db);
    commit();
    await adding;
    expect(await made).toEqual(['10.0.0.10']);
  });

  it('miss no port that is made meanwhile', async () => {
    await subnet('10.0.0.0/24');
    const { db, held, commit } = holdWrites(cloud.db);
    const other = await testNetworks(settings, db);
    const made = other.networks.ports.create(subject, [{ networkId }]);
    await held;
    const adding = expect(reserve('10.0.0.2', '10.0.0.9')).rejects.toMatchObject({
      details: { reason: 'ip_address_in_use' },
    });
    await untilBlocked(cloud.db);
    commit();
    await made;
    await adding;
  });
});
