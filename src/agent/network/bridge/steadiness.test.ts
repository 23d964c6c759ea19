import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredNetworks } from '../../contract.ts';
import { noNetworks } from '../../network-contract.ts';
import { closed, NetworkBench, obstacle, portOf, routerOf, twoNetworks, web } from './network-bench.fixture.ts';

/** How often networks are made and removed; a long run is asked for by the environment. */
const rounds = Number(process.env['UNKAI_NETWORK_ROUNDS'] ?? 6);

describe.skipIf(obstacle !== undefined)('networks that change', { timeout: 120_000 + rounds * 10_000 }, () => {
  let bench: NetworkBench;
  let desired: DesiredNetworks;

  beforeEach(async () => {
    bench = await NetworkBench.open();
    desired = twoNetworks();
  });

  afterEach(async () => {
    await bench.close();
    expect(await bench.driver.inventory()).toEqual([]);
  });

  test('lose no packet while rules are replaced', async () => {
    desired.ports = [portOf(11, web, '10.9.0.11', [closed]), portOf(12, web, '10.9.0.12')];
    await bench.driver.apply(desired);
    const [one, two] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    await bench.reaches(one, '10.9.0.12');
    const count = 200;
    let isDone = false;
    const stream = bench.sh(one, 'ping', '-c', String(count), '-i', '0.03', '-W', '10', '10.9.0.12');
    const finished = stream.finally(() => {
      isDone = true;
    });
    let changes = 0;
    while (!isDone) {
      // Another set of rules each time, and now and then an agent that knows nothing of what there is.
      desired.securityGroups[0]!.rules[1] = {
        direction: 'ingress',
        family: 4,
        protocol: 1,
        remote: { cidr: changes % 2 === 0 ? '10.9.0.0/24' : '10.9.0.11/32' },
      };
      if (changes % 10 === 9) await bench.restart();
      await bench.driver.apply(desired);
      changes += 1;
    }
    expect(await finished).toContain(`${count} packets transmitted, ${count} packets received`);
    expect(changes).toBeGreaterThan(3);
    await bench.misses(two, '10.9.0.11');
  });

  test('leave nothing when they are gone, however often', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const wanted = twoNetworks();
      wanted.networks[1]!.subnets[0] = { ...wanted.networks[1]!.subnets[0]!, cidr: '10.9.1.0/24', gateway: '10.9.1.1' };
      wanted.networks[1]!.subnets[0]!.dhcp!.address = '10.9.1.2';
      wanted.ports = [{ ...portOf(11, web, '10.9.0.11'), bandwidth: { egress: 1_000_000 } }];
      wanted.routers = [routerOf(wanted.networks)];
      await bench.driver.apply(wanted);
      expect((await bench.driver.inventory()).length).toBe(4);
      await bench.driver.apply(noNetworks);
      expect(await bench.driver.inventory()).toEqual([]);
    }
  });
});
