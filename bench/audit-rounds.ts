/**
 * Makes and deletes so many times (`node bench/audit-rounds.ts 200`) a network with a router, a floating IP, a server and a
 * volume that it gets, and holds the database against the host after each: nothing may be left over. Also measures what is
 * done on the way.
 */
import { readdir } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { auditCloud, isSound } from '../src/cloud/audit/audit.ts';
import { GuestCloud, subject } from './guest-network.ts';
import { percentile } from './report.ts';

const rounds = Number(process.argv[2] ?? 200);
const gib = 2 ** 30;
/** A host keeps a network for some seconds after its last guest. */
const patienceMs = 120_000;

const bench = await GuestCloud.open();
const { networks, servers, blockStorage, hosts, hostNetworks } = bench.cloud;
const times = { portCreate: [] as number[], ruleApply: [] as number[], attach: [] as number[] };
const findings: string[] = [];
let left: string[] = [];
try {
  for (let round = 1; round <= rounds; round += 1) {
    await liveOnce();
    const found = await auditCloud(bench.cloud);
    if (!isSound(found)) findings.push(`round ${round}: ${JSON.stringify(found)}`);
    if (round % 20 === 0) console.error(`${round}: ${findings.length} findings`);
  }
  left = await leftOver();
} finally {
  await bench.close();
}
const median = (samples: number[]) => Number(percentile(samples, 0.5).toFixed(1));
console.log(
  JSON.stringify({
    rounds,
    findings,
    left,
    medianMs: {
      portCreate: median(times.portCreate),
      ruleApply: median(times.ruleApply),
      attach: median(times.attach),
    },
    load: loadavg()[0],
  }),
);
process.exit(findings.length + left.length === 0 ? 0 : 1);

async function liveOnce(): Promise<void> {
  const { networkId, routerId, subnetId, externalId } = await bench.network('10.82.0.0/24');
  const serverId = await bench.server(networkId);
  const { hostId } = await servers.get(subject, serverId);
  const [port] = await timed('portCreate', () => networks.ports.create(subject, [{ networkId }]));
  const [nic] = await networks.nicsOf(serverId);
  const association = { portId: nic!.portId };
  const [floating] = await networks.floatingIps.create(subject, [{ networkId: externalId, association }]);
  const rule = await timed('ruleApply', async () => {
    const [made] = await networks.securityGroupRules.create(subject, [
      { securityGroupId: bench.defaultGroup, direction: 'ingress', protocol: 'icmp' },
    ]);
    await hostNetworks.prepare(hostId!);
    return made!;
  });
  const volume = await blockStorage.create(subject, { name: 'bench', size: gib });
  await bench.ended(volume);
  await timed('attach', async () =>
    bench.ended(await blockStorage.attach(subject, serverId, { volumeId: volume.volume.id })),
  );
  await bench.ended(await servers.delete(subject, serverId));
  await bench.ended(await blockStorage.delete(subject, volume.volume.id));
  await networks.securityGroupRules.delete(subject, rule.id);
  await networks.floatingIps.delete(subject, floating!.id);
  await networks.ports.delete(subject, port!.id);
  await networks.routerInterfaces.remove(subject, routerId, { subnetId });
  await networks.routers.delete(subject, routerId);
  await networks.networks.delete(subject, networkId);
}

async function timed<T>(name: keyof typeof times, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  times[name].push(performance.now() - began);
  return result;
}

/** What the host still has of it, once it has had time to let go. */
async function leftOver(): Promise<string[]> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const found: string[] = [];
    for (const agent of hosts.agents.values()) {
      const { guests, networkDevices, disks } = await agent.inventory();
      found.push(...guests.map(({ serverId }) => serverId), ...networkDevices, ...disks);
    }
    const [host] = await readdir(join(bench.folder, 'hosts'));
    for (const part of ['guests', 'disks']) {
      found.push(...(await readdir(join(bench.folder, 'hosts', host!, part)).catch(() => [])));
    }
    if (found.length === 0 || performance.now() > until) return found;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
