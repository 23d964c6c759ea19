import { spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { DesiredNetworks } from '../../contract.ts';
import { NetworkBench, obstacle, patience, portOf, twoNetworks, web } from './network-bench.fixture.ts';

describe.skipIf(obstacle !== undefined)('bandwidth of guests', () => {
  let bench: NetworkBench;
  let desired: DesiredNetworks;

  beforeEach(async () => {
    bench = await NetworkBench.open();
    desired = twoNetworks();
    desired.ports = [portOf(11, web, '10.9.0.11'), portOf(12, web, '10.9.0.12')];
  });

  afterEach(async () => {
    await bench.close();
    expect(await bench.driver.inventory()).toEqual([]);
  });

  const bytes = 512 * 1024;

  /** A server whose every answer is a long one. */
  const serve = (guest: string): void => {
    const command = `--net=/run/netns/${guest} -- /bin/busybox nc -ll -p 9000 -e head -c ${bytes} /dev/zero`;
    const child = spawn('nsenter', command.split(' '), { stdio: 'ignore' });
    onTestFinished(() => void child.kill());
  };
  /** Bits per second at which one guest fetches from the other. */
  const rate = async (guest: string, address: string): Promise<number> => {
    let seconds = 0;
    const fetched = async () => {
      const started = performance.now();
      const answer = await bench.sh(guest, 'nc', '-w', '10', address, '9000');
      seconds = (performance.now() - started) / 1000;
      return answer?.length;
    };
    await expect.poll(fetched, { timeout: patience, interval: 50 }).toBe(bytes);
    return (bytes * 8) / seconds;
  };

  test('is limited in the direction that is said, and free again when nothing is said', async () => {
    await bench.driver.apply(desired);
    const [one, two] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    await bench.reaches(one, '10.9.0.12');
    const qdiscs = async () => (await bench.shOutside(['tc', '-netns', bench.fabric, 'qdisc', 'show'])) ?? '';
    desired.ports[0]!.bandwidth = { ingress: 2_000_000 };
    await bench.driver.apply(desired);
    serve(one!);
    serve(two!);
    expect(await rate(one!, '10.9.0.12')).toBeLessThan(2_600_000);
    desired.ports[0]!.bandwidth = { egress: 2_000_000 };
    await bench.driver.apply(desired);
    expect(await rate(two!, '10.9.0.11')).toBeLessThan(2_600_000);
    await bench.reaches(two, '10.9.0.11');
    delete desired.ports[0]!.bandwidth;
    await bench.driver.apply(desired);
    expect(await qdiscs()).not.toMatch(/tbf|ingress/);
    expect((await bench.commands.links(bench.fabric)).filter(({ ifname }) => ifname.startsWith('ifb'))).toEqual([]);
  });
});
