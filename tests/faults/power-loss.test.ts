import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CloudSettings } from '../../src/cloud/settings.ts';
import { newServer } from '../engine/fixtures/fixture.ts';
import { World } from '../engine/world.ts';

const limit = 300_000;
const patient = { timeout: limit, interval: 20 };

let world: World;
let ids: Record<'running' | 'other' | 'stopped' | 'suspended' | 'paused', string>;

beforeEach(async () => {
  world = await World.open();
  const make = async () => {
    const [made] = await world.cloud.servers.create(world.subject, newServer(world));
    await world.done(made!);
    return made!.server.id;
  };
  ids = {
    running: await make(),
    other: await make(),
    stopped: await make(),
    suspended: await make(),
    paused: await make(),
  };
  await world.done(world.cloud.servers.stop(world.subject, ids.stopped));
  await world.done(world.cloud.servers.suspend(world.subject, ids.suspended));
  await world.done(world.cloud.servers.pause(world.subject, ids.paused));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await world[Symbol.asyncDispose]();
});

/** The machine goes out with all that runs on it, and comes back; disks and what is suspended stay. */
async function losePower(settings: Partial<CloudSettings> = {}): Promise<void> {
  await world.stop();
  for (const id of [ids.running, ids.other, ids.paused]) world.host.endGuest(id);
  const description = await world.host.describe();
  vi.spyOn(world.host, 'describe').mockResolvedValue({ ...description, uptimeSeconds: 0 });
  await world.start({ settings });
}

const stateOf = async (id: string) => (await world.cloud.servers.get(world.subject, id)).vmState;
const states = async () =>
  Object.fromEntries(await Promise.all(Object.entries(ids).map(async ([name, id]) => [name, await stateOf(id)])));

test(
  'servers say what became of them when their host lost its power, and what was suspended goes on',
  async () => {
    await losePower();
    const off = { running: 'stopped', other: 'stopped', stopped: 'stopped', suspended: 'suspended', paused: 'stopped' };
    await vi.waitFor(async () => expect(await states()).toEqual(off), patient);
    await world.settled();
    expect(await world.audit()).toEqual([]);
    await world.done(world.cloud.servers.resume(world.subject, ids.suspended));
    await world.done(world.cloud.servers.start(world.subject, ids.running));
    expect(await states()).toEqual({ ...off, running: 'active', suspended: 'active' });
    expect(await world.audit()).toEqual([]);
  },
  limit,
);

test(
  'guests that ran run again where that is wanted, and no others',
  async () => {
    await losePower({ resumeGuests: true });
    const { host } = world;
    const running = async () => Promise.all([ids.running, ids.other].map((id) => host.guestState(id)));
    await vi.waitFor(async () => expect(await running()).toEqual(['running', 'running']), patient);
    await vi.waitFor(
      async () =>
        expect(await states()).toEqual({
          ...{ running: 'active', other: 'active', stopped: 'stopped' },
          ...{ suspended: 'suspended', paused: 'stopped' },
        }),
      patient,
    );
    await world.settled();
    expect(await world.audit()).toEqual([]);
  },
  limit,
);

test(
  'a guest that ended while its host ran on stays off',
  async () => {
    await world.stop();
    world.host.endGuest(ids.running);
    const description = await world.host.describe();
    vi.spyOn(world.host, 'describe').mockResolvedValue({ ...description, uptimeSeconds: 86400 });
    await world.start({ settings: { resumeGuests: true } });
    await vi.waitFor(async () => expect(await stateOf(ids.running)).toBe('stopped'), patient);
    expect(await world.audit()).toEqual([]);
  },
  limit,
);
