import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { emptyQcow2 } from '../../agent/disks/qcow2-header.ts';
import { type OpenedUnkai, openUnkai } from '../../assembly/open-unkai.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import { operator } from '../identity/subject.ts';
import { walkLife } from '../lives/life-suite.ts';
import { type PortState, portStateOf, portStates, portStateTable, portTransitions } from './state-table.ts';
import { unlimited } from './test-cloud.ts';

interface Scene {
  id: string;
  /** The servers that have, or are asked to have, the port. */
  servers: string[];
}

const limit = 300_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const subject = operator();
const env = realEnv();

let folder: string;
let opened: OpenedUnkai;
let imageId: string;
let networkId: string;
let subnetId: string;
let outside: string;

const cloud = () => opened.cloud;
const networks = () => cloud().networks;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-port-states-'));
  const settings = { shutdownGrace: 0, defaultQuotas: unlimited };
  opened = await openUnkai({
    ...{ dataDir: folder, hypervisor: 'simulated', adminPassword: 'secret', log: silent, settings },
  });
  const words = { name: 'image', diskFormat: 'qcow2', containerFormat: 'bare', visibility: 'public' } as const;
  imageId = (await cloud().images.create(subject, words)).id;
  await cloud().images.upload(subject, imageId, pieces(emptyQcow2(2 ** 30)));
  networkId = await newNetwork('inside', '10.77.0.0/16');
  outside = await newNetwork('outside', '203.0.113.0/24', true);
  const router = await newRouter({ networkId: outside });
  const [subnet] = await networks().subnets.list(subject, { filters: { networkId: [networkId] } });
  subnetId = subnet!.id;
  await networks().routerInterfaces.add(subject, router, { subnetId });
}, limit);
afterAll(async () => {
  await opened.close();
  await rm(folder, { recursive: true, force: true });
});

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

async function newNetwork(name: string, cidr: string, external = false): Promise<string> {
  const [network] = await networks().networks.create(subject, [{ name, external }]);
  await networks().subnets.create(subject, [{ networkId: network!.id, ipVersion: 4, cidr, enableDhcp: false }]);
  return network!.id;
}

async function newRouter(gateway?: { networkId: string }): Promise<string> {
  const [router] = await networks().routers.create(subject, [{ name: 'router', gateway }]);
  return router!.id;
}

/** Begins to make a server that has the port, or none. */
async function newServer(scene: Scene, portId?: string): Promise<{ actionId?: string }> {
  const [made] = await cloud().servers.create(subject, {
    ...{ name: 'server', flavorId: '42', imageId, securityGroups: [] },
    networks: portId === undefined ? 'none' : [{ portId }],
  });
  scene.servers.push(made!.server.id);
  return made!;
}

async function done(begun: unknown): Promise<void> {
  const { actionId } = (begun ?? {}) as { actionId?: string };
  if (!actionId) return;
  expect(await cloud().runner.wait(actionId, { timeoutMs: limit })).toEqual({ state: 'succeeded' });
}

/** The server that has the port; one that there is not where none has it. */
async function serverOf({ id }: Scene): Promise<string> {
  return (await networks().ports.get(subject, id)).deviceId || newId(env);
}

const ask: Record<keyof typeof portTransitions, (scene: Scene) => Promise<unknown>> = {
  'give to a new server': (scene) => newServer(scene, scene.id),
  async 'attach to a server'(scene) {
    const other: Scene = { id: scene.id, servers: [] };
    await done(await newServer(other));
    scene.servers.push(...other.servers);
    return await cloud().servers.attachInterface(subject, other.servers[0]!, { portId: scene.id });
  },
  'connect a router by it': async ({ id }) =>
    await networks().routerInterfaces.add(subject, await newRouter(), { portId: id }),
  'detach from its server': async (scene) =>
    await cloud().servers.detachInterface(subject, await serverOf(scene), scene.id),
  'shelve its server': async (scene) => await cloud().servers.shelve(subject, await serverOf(scene)),
  'unshelve its server': async (scene) => await cloud().servers.unshelve(subject, await serverOf(scene)),
  'stop its server': async (scene) => await cloud().servers.stop(subject, await serverOf(scene)),
  'delete its server': async (scene) => await cloud().servers.forceDelete(subject, await serverOf(scene)),
  change: ({ id }) => networks().ports.update(subject, id, { name: 'other' }),
  'change security groups': async ({ id }) => {
    const [group] = await networks().securityGroups.list(subject);
    await networks().ports.update(subject, id, { securityGroupIds: [group!.id] });
  },
  'change addresses': ({ id }) => networks().ports.update(subject, id, { fixedIps: [{ subnetId }] }),
  'change the MAC address': async ({ id }) => {
    const { macAddress } = await networks().ports.get(subject, id);
    // Another one that is nobody's: the prefix of those made here, with the next number.
    const last = ((Number.parseInt(macAddress.slice(-2), 16) + 1) % 256).toString(16).padStart(2, '0');
    await networks().ports.update(subject, id, { macAddress: `${macAddress.slice(0, -2)}${last}` });
  },
  'give a floating IP': ({ id }) =>
    networks().floatingIps.create(subject, [{ networkId: outside, association: { portId: id } }]),
  delete: ({ id }) => networks().ports.delete(subject, id),
};

async function portIn(state: PortState): Promise<Scene> {
  const [port] = await networks().ports.create(subject, [{ networkId, name: 'port' }]);
  const scene: Scene = { id: port!.id, servers: [] };
  if (state === "the network's own") await ask['connect a router by it'](scene);
  if (state === 'bound' || state === 'waiting') await done(await ask['give to a new server'](scene));
  if (state === 'waiting') await done(await ask['shelve its server'](scene));
  return scene;
}

async function leave({ servers }: Scene): Promise<void> {
  for (const id of servers)
    await done(
      await cloud()
        .servers.forceDelete(subject, id)
        .catch(() => undefined),
    );
}

it('docs/state-table-ports.md says what is so', async () => {
  await expect(portStateTable()).toMatchFileSnapshot('../../../docs/state-table-ports.md');
});

walkLife({
  noun: 'a port',
  states: portStates,
  life: portTransitions,
  ask,
  enter: portIn,
  async stateOf({ id }) {
    const port = await networks()
      .ports.get(subject, id)
      .catch(() => undefined);
    return port ? portStateOf(port) : 'gone';
  },
  rowOf: ({ id }) => networks().ports.get(subject, id),
  done,
  leave,
  limit,
});

it.each(['free', 'waiting', 'bound', "the network's own"] as const)(
  'a port that is %s has the status that is told of it',
  async (state) => {
    const scene = await portIn(state);
    const { status } = await networks().ports.get(subject, scene.id);
    expect(portStateTable()).toContain(`- ${state}: \`${status}\``);
    await leave(scene);
  },
  limit,
);
