/**
 * Boots so many guests, some at a time (`node bench/ssh-boots.ts 100 2`): each on a network of its user's, with a key of its
 * user's, and logs in to it by SSH with that key through a floating IP.
 */
import { execFile } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GuestCloud, subject } from './guest-network.ts';
import { percentile } from './report.ts';

const run = promisify(execFile);
const count = Number(process.argv[2] ?? 100);
const atOnce = Number(process.argv[3] ?? 1);
const patienceMs = 300_000;

const bench = await GuestCloud.open();
const { networks, keypairs, servers } = bench.cloud;
const seconds: number[] = [];
const failures: string[] = [];
try {
  const key = join(bench.folder, 'key');
  await run('dropbearkey', ['-t', 'ed25519', '-f', key]);
  const { stdout } = await run('dropbearkey', ['-y', '-f', key]);
  const publicKey = stdout.split('\n').find((line) => line.startsWith('ssh-'))!;
  await keypairs.create(subject, { name: 'key', publicKey });
  const { networkId, externalId } = await bench.network('10.81.0.0/24');
  await networks.securityGroupRules.create(subject, [
    { securityGroupId: await ownGroup(), direction: 'ingress', protocol: 'tcp', portRangeMin: 22, portRangeMax: 22 },
  ]);
  let next = 1;
  const worker = async () => {
    while (next <= count) await bootOnce(next++, { networkId, externalId, key });
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
} finally {
  await bench.close();
}
console.log(
  JSON.stringify({
    boots: count,
    reached: seconds.length,
    medianSeconds: Number(percentile(seconds, 0.5).toFixed(1)),
    slowestSeconds: Number(Math.max(...seconds).toFixed(1)),
    failures,
    load: loadavg()[0],
  }),
);
process.exit(failures.length === 0 ? 0 : 1);

/** The project's default group: it is there once somebody asks for groups. */
async function ownGroup(): Promise<string> {
  const [group] = await networks.securityGroups.list(subject, { filters: { name: ['default'] } });
  return group!.id;
}

async function bootOnce(number: number, place: { networkId: string; externalId: string; key: string }) {
  const began = performance.now();
  const serverId = await bench.server(place.networkId, 'key');
  const [nic] = await networks.nicsOf(serverId);
  const association = { portId: nic!.portId };
  const [floating] = await networks.floatingIps.create(subject, [{ networkId: place.externalId, association }]);
  const until = began + patienceMs;
  let answer = '';
  while (answer !== 'bench' && performance.now() < until) answer = await logIn(floating!.address, place.key);
  if (answer === 'bench') seconds.push((performance.now() - began) / 1000);
  else failures.push(`guest ${number} was not reached at ${floating!.address}`);
  await networks.floatingIps.delete(subject, floating!.id);
  const { actionId } = await servers.delete(subject, serverId);
  await bench.ended({ actionId });
  if (number % 10 === 0) console.error(`${number}: ${seconds.length} reached`);
}

async function logIn(address: string, key: string): Promise<string> {
  return await run('dbclient', ['-y', '-y', '-i', key, `root@${address}`, 'hostname'], {
    timeout: 20_000,
    env: { ...process.env, HOME: bench.folder },
  }).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
}
