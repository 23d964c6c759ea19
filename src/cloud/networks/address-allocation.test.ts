import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatIpv4, parseIpv4 } from './addresses.ts';
import { member, projectA, type TestNetworks, testNetworks, unlimited } from './test-cloud.ts';

const subject = member(projectA);
let cloud: TestNetworks;

beforeEach(async () => {
  cloud = await testNetworks({ defaultQuotas: unlimited });
});
afterEach(() => cloud.db.close());

async function networkWith(cidr: string, pools?: Array<{ start: string; end: string }>) {
  const [network] = await cloud.networks.networks.create(subject, [{ name: 'n' }]);
  const input = { networkId: network!.id, ipVersion: 4, cidr, allocationPools: pools };
  const [subnet] = await cloud.networks.subnets.create(subject, [input]);
  return { networkId: network!.id, subnetId: subnet!.id };
}

async function newPort(networkId: string): Promise<{ id: string; address: string }> {
  const [port] = await cloud.networks.ports.create(subject, [{ networkId }]);
  return { id: port!.id, address: port!.fixedIps[0]!.ipAddress };
}

describe('addresses are taken', () => {
  test('lowest first, after the gateway, and freed ones again', async () => {
    const { networkId } = await networkWith('10.0.0.0/24');
    const ports = [await newPort(networkId), await newPort(networkId), await newPort(networkId)];
    expect(ports.map((port) => port.address)).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4']);
    await cloud.networks.ports.delete(subject, ports[1]!.id);
    expect((await newPort(networkId)).address).toBe('10.0.0.3');
    expect((await newPort(networkId)).address).toBe('10.0.0.5');
  });

  test('from every pool, until there is none left; a freed one is found again', async () => {
    const { networkId } = await networkWith('10.0.0.0/24', [
      { start: '10.0.0.250', end: '10.0.0.251' },
      { start: '10.0.0.10', end: '10.0.0.11' },
    ]);
    const ports = [];
    for (let i = 0; i < 4; i += 1) ports.push(await newPort(networkId));
    expect(ports.map((port) => port.address)).toEqual(['10.0.0.10', '10.0.0.11', '10.0.0.250', '10.0.0.251']);
    await expect(newPort(networkId)).rejects.toMatchObject({
      code: 'conflict',
      details: { reason: 'ip_address_generation_failure' },
    });
    await cloud.networks.ports.delete(subject, ports[0]!.id);
    expect((await newPort(networkId)).address).toBe('10.0.0.10');
  });

  test('one by one from a full run of the pool without reading it all', async () => {
    const { networkId, subnetId } = await networkWith('10.0.0.0/16');
    const { id: portId } = await newPort(networkId);
    const taken = Array.from({ length: 60_000 }, (_, i) => formatIpv4(parseIpv4('10.0.0.3')! + i));
    await cloud.db.write(async (tx) => {
      for (let at = 0; at < taken.length; at += 5000) {
        const rows = taken.slice(at, at + 5000).map((ip_address) => ({ ip_address }));
        await tx
          .insertInto('port_addresses')
          .values(rows.map((row) => ({ ...row, port_id: portId, subnet_id: subnetId, network_id: networkId })))
          .execute();
      }
    });
    const started = performance.now();
    expect((await newPort(networkId)).address).toBe('10.0.234.99');
    const walked = performance.now() - started;
    for (let i = 0; i < 50; i += 1) await newPort(networkId);
    // Only the first one had to walk over them all.
    expect((performance.now() - started - walked) / 50).toBeLessThan(walked / 2);
  });
});

test('many ports at once never share an address, and leave no gap', async () => {
  const steps = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant('take') }, fc.constant('drop')), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (wanted) => {
      const { networkId } = await networkWith('10.9.0.0/26');
      const started: Promise<{ id: string; address: string }>[] = [];
      const drops: Promise<unknown>[] = [];
      for (const step of wanted) {
        if (step === 'take') started.push(newPort(networkId));
        const oldest = step === 'drop' ? started.shift() : undefined;
        if (oldest) drops.push(oldest.then((port) => cloud.networks.ports.delete(subject, port.id)));
      }
      const outcomes = await Promise.allSettled([...started]);
      await Promise.all(drops);
      const ports = await cloud.networks.ports.list(subject, { filters: { networkId: [networkId] } });
      const addresses = ports.map((port) => port.fixedIps[0]!.ipAddress);
      expect(new Set(addresses).size).toBe(addresses.length);
      expect(addresses.length).toBe(outcomes.filter(({ status }) => status === 'fulfilled').length);
      // Whoever comes next gets the lowest that nobody has.
      const numbers = new Set(addresses.map((text) => parseIpv4(text)!));
      let lowest = parseIpv4('10.9.0.2')!;
      while (numbers.has(lowest)) lowest += 1;
      expect((await newPort(networkId)).address).toBe(formatIpv4(lowest));
    }),
    { numRuns: 25 },
  );
});

test('of many that ask for the same address one gets it', async () => {
  const { networkId, subnetId } = await networkWith('10.0.0.0/24');
  const fixedIps = [{ subnetId, ipAddress: '10.0.0.77' }];
  const all = Array.from({ length: 20 }, () => cloud.networks.ports.create(subject, [{ networkId, fixedIps }]));
  const outcomes = await Promise.allSettled(all);
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  expect(refused).toHaveLength(19);
  for (const { reason } of refused) expect(reason).toMatchObject({ details: { reason: 'ip_address_in_use' } });
});
