import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DesiredNetworks, DesiredRule } from '../../contract.ts';
import { NetworkBench, obstacle, patience, portOf, twoNetworks, web } from './network-bench.fixture.ts';

const tested = 'aa'.repeat(16);
const friends = 'bb'.repeat(16);
const open = '99'.repeat(16);

type Protocol = 'tcp' | 'icmp';
const numbers = { tcp: 6, icmp: 1 } as const;

/** A rule, and to or from whom it lets what through: `friend` is in the group `friends`, `stranger` in no group of rules. */
interface Case {
  name: string;
  rule: Omit<DesiredRule, 'direction'>;
  passes: Record<'friend' | 'stranger', readonly Protocol[]>;
}

const cases: Case[] = [
  { name: 'any', rule: {}, passes: { friend: ['tcp', 'icmp'], stranger: ['tcp', 'icmp'] } },
  { name: 'IPv6 alone', rule: { family: 6 }, passes: { friend: [], stranger: [] } },
  { name: 'tcp', rule: { family: 4, protocol: 6 }, passes: { friend: ['tcp'], stranger: ['tcp'] } },
  {
    name: 'the port',
    rule: { family: 4, protocol: 6, ports: { first: 7000, last: 7001 } },
    passes: { friend: ['tcp'], stranger: ['tcp'] },
  },
  {
    name: 'another port',
    rule: { family: 4, protocol: 6, ports: { first: 7001, last: 7009 } },
    passes: { friend: [], stranger: [] },
  },
  { name: 'icmp', rule: { family: 4, protocol: 1 }, passes: { friend: ['icmp'], stranger: ['icmp'] } },
  {
    name: 'another message',
    rule: { family: 4, protocol: 1, icmp: { type: 13 } },
    passes: { friend: [], stranger: [] },
  },
  { name: 'a group', rule: { remote: { groupId: friends } }, passes: { friend: ['tcp', 'icmp'], stranger: [] } },
  {
    name: 'tcp of a group',
    rule: { protocol: 6, remote: { groupId: friends } },
    passes: { friend: ['tcp'], stranger: [] },
  },
  {
    name: 'an address',
    rule: { remote: { cidr: '10.9.0.13/32' } },
    passes: { friend: [], stranger: ['tcp', 'icmp'] },
  },
];

describe.skipIf(obstacle !== undefined)('rules of security groups', () => {
  let bench: NetworkBench;
  let desired: DesiredNetworks;
  const guests = {} as Record<'tested' | 'friend' | 'stranger', string>;
  const addresses = { tested: '10.9.0.11', friend: '10.9.0.12', stranger: '10.9.0.13' } as const;
  const servers: ChildProcess[] = [];

  beforeAll(async () => {
    bench = await NetworkBench.open();
    desired = twoNetworks();
    desired.ports = [
      portOf(11, web, addresses.tested, [tested]),
      portOf(12, web, addresses.friend, [open]),
      portOf(13, web, addresses.stranger, [open]),
    ];
    desired.securityGroups.push({ groupId: tested, members: [], rules: [] });
    desired.securityGroups.push({
      groupId: friends,
      members: [{ networkId: web, addresses: [addresses.friend] }],
      rules: [],
    });
    await bench.driver.apply(desired);
    const [one, two, three] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    Object.assign(guests, { tested: one, friend: two, stranger: three });
    for (const guest of Object.values(guests)) {
      const command = `--net=/run/netns/${guest} -- /bin/busybox nc -ll -p 7000 -e echo here`;
      servers.push(spawn('nsenter', command.split(' '), { stdio: 'ignore' }));
    }
  });

  afterAll(async () => {
    for (const server of servers) server.kill();
    await bench.close();
    expect(await bench.driver.inventory()).toEqual([]);
  });

  async function passes(protocol: Protocol, from: keyof typeof guests, to: keyof typeof guests, seconds: number) {
    const limit = String(seconds);
    return protocol === 'tcp'
      ? ((await bench.sh(guests[from], 'nc', '-w', limit, addresses[to], '7000'))?.startsWith('here') ?? false)
      : (await bench.sh(guests[from], 'ping', '-c', '1', '-W', limit, addresses[to])) !== undefined;
  }

  test('everybody else is reached', async () => {
    await expect.poll(() => passes('tcp', 'friend', 'stranger', 2), { timeout: patience }).toBe(true);
    await bench.reaches(guests.friend, addresses.stranger);
  });

  test.each((['ingress', 'egress'] as const).flatMap((direction) => cases.map((one) => ({ ...one, direction }))))(
    '$direction of $name',
    async ({ direction, rule, passes: allowed }) => {
      desired.securityGroups.find(({ groupId }) => groupId === tested)!.rules = [{ ...rule, direction }];
      await bench.driver.apply(desired);
      const questions = (['friend', 'stranger'] as const).flatMap((peer) =>
        (Object.keys(numbers) as Protocol[]).map(async (protocol) => {
          const [from, to] = direction === 'ingress' ? ([peer, 'tested'] as const) : (['tested', peer] as const);
          if (allowed[peer].includes(protocol)) {
            await expect.poll(() => passes(protocol, from, to, 2), { timeout: patience, interval: 50 }).toBe(true);
          } else expect(await passes(protocol, from, to, 1)).toBe(false);
          // Nobody else may do so in the other direction.
          expect(await passes(protocol, to, from, 1)).toBe(false);
        }),
      );
      await Promise.all(questions);
    },
  );
});
