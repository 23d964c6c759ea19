import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredNetworks } from '../../contract.ts';
import { NetworkBench, obstacle, portOf, twoNetworks, web } from './network-bench.fixture.ts';

/** How often a packet was seen that was to be seen. */
const some = expect.toSatisfy((packets: number) => packets > 0);

describe.skipIf(obstacle !== undefined)('marks of packets', () => {
  let bench: NetworkBench;
  let desired: DesiredNetworks;

  beforeEach(async () => {
    bench = await NetworkBench.open();
    desired = twoNetworks();
    const [one, two] = [portOf(11, web, '10.9.0.11'), portOf(12, web, '10.9.0.12')];
    desired.ports = [
      { ...one, addresses: [...one.addresses, 'fd00:9::11'] },
      { ...two, addresses: [...two.addresses, 'fd00:9::12'] },
    ];
  });

  afterEach(async () => {
    await bench.close();
    expect(await bench.driver.inventory()).toEqual([]);
  });

  const inGuest = (guest: string, ...command: string[]) =>
    bench.shOutside(['nsenter', `--net=/run/netns/${guest}`, '--', ...command]);

  /** Counts, in the guest, the packets of each family that arrive with the mark. */
  async function count(guest: string, mark: number): Promise<void> {
    const rules = `add table inet seen
      add chain inet seen input { type filter hook input priority 0; }
      flush chain inet seen input
      add rule inet seen input meta l4proto icmp ip dscp ${mark} counter
      add rule inet seen input icmpv6 type echo-request ip6 dscp ${mark} counter`;
    expect(await inGuest(guest, 'nft', rules)).toBeDefined();
  }

  /** How many there were, in IPv4 and IPv6. */
  async function counted(guest: string): Promise<number[]> {
    const text = (await inGuest(guest, 'nft', 'list chain inet seen input')) ?? '';
    return [...text.matchAll(/packets (\d+)/g)].map(([, packets]) => Number(packets));
  }

  /** Both answer, which they do for packets with a right checksum only. */
  async function greet(guest: string): Promise<void> {
    await bench.reaches(guest, '10.9.0.12');
    await bench.reaches(guest, 'fd00:9::12', '-6');
  }

  test.each([{ portSecurity: true }, { portSecurity: false }])(
    'are as the port says, until it says nothing: $portSecurity',
    async ({ portSecurity }) => {
      desired.ports[0] = { ...desired.ports[0]!, portSecurity, dscp: 46 };
      await bench.driver.apply(desired);
      const [one, two] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
      await greet(one!);
      await count(two!, 46);
      await greet(one!);
      expect(await counted(two!)).toEqual([some, some]);
      desired.ports[0].dscp = 10;
      await bench.driver.apply(desired);
      await count(two!, 10);
      await greet(one!);
      expect(await counted(two!)).toEqual([some, some]);
      delete desired.ports[0].dscp;
      await bench.driver.apply(desired);
      await count(two!, 10);
      await greet(one!);
      expect(await counted(two!)).toEqual([0, 0]);
      // What the other one sends was never marked.
      await count(one!, 0);
      await bench.reaches(two, '10.9.0.11');
      expect((await counted(one!))[0]).toBeGreaterThan(0);
    },
  );
});
