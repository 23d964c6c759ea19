import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import type { HostAgent } from '../contract.ts';
import { openQemuHost } from '../hypervisor/qemu/qemu-host.ts';
import { liveMigrationContract } from '../live-migration-suite.ts';
import { acrossMachines, type FindMachine } from './across-machines.ts';
import { type ServedHost, serveAndConnect } from './far-host.fixture.ts';
import { OwnMachine } from './own-machine.ts';

const env = realEnv();
const mebibyte = 1024 ** 2;

/** A host beside the control plane, and two on machines of their own. */
interface ThreeMachines {
  near: HostAgent;
  first: ServedHost;
  second: ServedHost;
}

async function openMachines(root: string): Promise<ThreeMachines> {
  await mkdir(root, { recursive: true });
  const own = await OwnMachine.open(env, join(root, 'lent'));
  const served = new Map<string, ServedHost>();
  const find: FindMachine = (name) => (name === undefined ? own : served.get(name)!.far.connection);
  const openHost = (name: string) => openQemuHost({ directory: join(root, name, 'host'), env, accelerator: 'tcg' });
  const serve = async (name: string) => {
    await mkdir(join(root, name));
    const one = await serveAndConnect(env, await openHost(name), { folder: join(root, name), name, find });
    served.set(name, one);
    return one;
  };
  const near = acrossMachines(env, await openHost('near'), own, find);
  return { near, first: await serve('first'), second: await serve('second') };
}

const closing = (agent: HostAgent, close: () => Promise<void>) =>
  new Proxy(agent, { get: (target, name) => (name === 'close' ? close : Reflect.get(target, name)) });

const ways = {
  'to another machine': ({ near, first }: ThreeMachines) => [near, first.agent] as const,
  'from another machine': ({ near, first }: ThreeMachines) => [first.agent, near] as const,
  'between other machines': ({ first, second }: ThreeMachines) => [first.agent, second.agent] as const,
};
for (const [name, choose] of Object.entries(ways)) {
  const open = async (root: string): Promise<[HostAgent, HostAgent]> => {
    const machines = await openMachines(root);
    const closeAll = async () => {
      await machines.near.close();
      await machines.first.close();
      await machines.second.close();
    };
    const [one, two] = choose(machines);
    return [closing(one, closeAll), closing(two, async () => {})];
  };
  liveMigrationContract(name, open, { onlyJourney: name !== 'between other machines' });
}

describe('disks of hosts on different machines', () => {
  let root: string;
  let machines: ThreeMachines;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'unkai-apart-'));
    machines = await openMachines(root);
  });
  afterEach(async () => {
    await machines.near.close();
    await machines.first.close();
    await machines.second.close();
    await rm(root, { recursive: true, force: true });
  });

  /** An image of random bytes with a hole, and what it is. */
  async function makeImage() {
    const path = join(root, 'image.raw');
    await writeFile(path, randomBytes(3 * mebibyte));
    const file = await open(path, 'r+');
    await file.write(randomBytes(mebibyte), 0, mebibyte, 20 * mebibyte);
    await file.close();
    const source = { kind: 'file' as const, path };
    return { imageId: newId(env), format: 'raw' as const, size: 21 * mebibyte, source };
  }

  async function contentOf(host: HostAgent, diskId: string): Promise<string> {
    const path = join(root, `${diskId}-${newId(env)}.raw`);
    await host.exportDisk({ diskId, format: 'raw', target: { kind: 'file', path } });
    const file = await open(path);
    const hash = createHash('sha256');
    for await (const chunk of file.createReadStream()) hash.update(chunk as Buffer);
    return hash.digest('hex');
  }

  test('are the same wherever they come to, as layers where the image is there too, else whole', async () => {
    const { near, first, second } = machines;
    const image = await makeImage();
    await near.ensureImageCached(image);
    await first.agent.ensureImageCached(image);
    const [one, two, three, four] = [newId(env), newId(env), newId(env), newId(env)];
    const size = 32 * mebibyte;
    await near.ensureDisk({ diskId: one, size, base: { kind: 'image', imageId: image.imageId } });
    const content = await contentOf(near, one);
    const moved = async (from: HostAgent, diskId: string, to: HostAgent, successor: string) => {
      const source = await from.offerDisk(diskId);
      await to.ensureDisk({ diskId: successor, size, base: { kind: 'moved', source } });
      return source;
    };
    expect(await moved(near, one, first.agent, two)).toMatchObject({ imageId: image.imageId });
    expect(await contentOf(first.agent, two)).toBe(content);
    expect(await moved(first.agent, two, second.agent, three)).toMatchObject({
      machine: 'first',
      imageId: image.imageId,
    });
    // The image is not there: the disk came whole.
    expect(await second.agent.offerDisk(three)).not.toHaveProperty('imageId');
    expect(await contentOf(second.agent, three)).toBe(content);
    expect(await moved(second.agent, three, near, four)).toMatchObject({ machine: 'second' });
    expect(await contentOf(near, four)).toBe(content);

    // Who says no image wants all of it, also on a host that has the image.
    const five = newId(env);
    const { imageId: _, ...whole } = await near.offerDisk(one);
    await near.ensureDisk({ diskId: five, size, base: { kind: 'moved', source: whole } });
    expect(await near.offerDisk(five)).not.toHaveProperty('imageId');
    expect(await contentOf(near, five)).toBe(content);
    for (const host of [near, first.agent, second.agent]) expect((await host.inventory()).strayFiles).toEqual([]);
  });

  async function reconnected(host: ServedHost): Promise<void> {
    const before = host.connections;
    host.cut();
    await expect.poll(() => host.connections).toBeGreaterThan(before);
  }

  test('what a lost connection leaves half done is done again', async () => {
    const { first } = machines;
    const image = await makeImage();
    const bringing = first.agent.ensureImageCached(image);
    first.cut();
    await expect(bringing).rejects.toMatchObject({ code: 'unreachable' });
    await expect.poll(() => first.far.connection.isConnected).toBe(true);
    expect(await first.agent.ensureImageCached(image)).toEqual({ virtualSize: image.size });
    expect(await first.agent.ensureImageCached(image)).toEqual({ virtualSize: image.size });
  });

  test('guests are watched, and ask for their metadata, also after the connection was lost', async () => {
    const { first } = machines;
    const heard: unknown[] = [];
    first.agent.watchGuests((change) => heard.push(change));
    const image = await makeImage();
    await first.agent.ensureImageCached(image);
    await reconnected(first);
    const serverId = newId(env);
    await first.agent.ensureDisk({
      diskId: serverId,
      size: 32 * mebibyte,
      base: { kind: 'image', imageId: image.imageId },
    });
    await first.agent.ensureConfigDrive(serverId, {});
    const disks = [{ diskId: serverId, volumeId: serverId, bus: 'virtio' as const }];
    const facts = { instanceName: 'instance-00000001', vcpus: 1, memoryMb: 64, bootMode: 'bios' as const };
    await first.agent.ensureGuestRunning({ serverId, ...facts, disks, hasConfigDrive: true, nics: [] });
    const { pid } = (await first.agent.inventory()).guests[0]!;
    process.kill(pid!, 'SIGKILL');
    await expect.poll(() => heard).toContainEqual({ serverId, state: 'stopped' });
    await first.agent.removeGuest(serverId);
  });
});
