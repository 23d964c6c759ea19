import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentError } from '../../src/agent/contract.ts';
import type { AgentVerb } from '../../src/agent/hypervisor/simulated/simulated-host.ts';
import { allActions } from '../../src/cloud/open-cloud.ts';
import { clear } from './clear.ts';
import { makeServer, newServer, serverId } from './fixtures/fixture.ts';
import { makeVolume, volumeId } from './fixtures/volume-worlds.ts';
import { printOf } from './print.ts';
import { isAsked, World } from './world.ts';
import { preceded, withSteps } from './wrap.ts';

let world: World;

beforeEach(async () => {
  world = await World.open();
});

/** Whatever a test did: nothing is stuck, nothing leaked, and all can be deleted. */
afterEach(async () => {
  for (const answer of answers.splice(0)) answer();
  world.faults.before = undefined;
  world.faults.after = undefined;
  await world.restart();
  await world.settled();
  expect(await world.audit()).toEqual([]);
  await clear(world);
  const { servers, volumes, guests, diskCount } = await printOf(world);
  expect({ servers, volumes, guests, diskCount }).toEqual({
    servers: [],
    volumes: [],
    guests: [],
    diskCount: { known: 0, onHost: 0 },
  });
  await world[Symbol.asyncDispose]();
});

const down = new AgentError('unreachable', 'the host is down');

/** The host does nothing of this any more. */
function refuse(...verbs: AgentVerb[]): void {
  world.faults.before = (verb) => (verbs.includes(verb) ? down : undefined);
}

/** Lets the host answer what it was asked. */
const answers: Array<() => void> = [];

/** The host answers this verb only when it is told to. */
function late(verb: AgentVerb): { asked: Promise<void>; answer: () => void; calls: () => number } {
  let calls = 0;
  let answer = () => {};
  let tell = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const asked = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const host = world.host as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const original = host[verb]!;
  host[verb] = async (...args) => {
    calls += 1;
    tell();
    await answered;
    return await original.apply(host, args);
  };
  answers.push(answer);
  return { asked, answer, calls: () => calls };
}

async function stateOf(id: string): Promise<[string, string | null]> {
  const { vmState, taskState } = await world.cloud.servers.byId(id);
  return [vmState, taskState];
}

describe('requests that come at once', () => {
  it('lets one of two requests have the server and tells the other why not', async () => {
    await makeServer(world);
    const id = await serverId(world);
    const { servers } = world.cloud;
    const results = await Promise.allSettled([
      servers.stop(world.subject, id),
      servers.resize(world.subject, id, '84'),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(results[1]).toMatchObject({
      reason: {
        code: 'conflict',
        message: expect.stringMatching(/^Cannot 'resize' instance .* while it is in task_state powering-off$/),
      },
    });
    await world.settled();
    expect(await stateOf(id)).toEqual(['stopped', null]);
  });

  it('keeps saying what comes next when what was under way has ended', async () => {
    await makeServer(world);
    const id = await serverId(world);
    const { servers } = world.cloud;
    await world.done(servers.pause(world.subject, id));
    const resume = late('resumeGuest');
    const unpause = await servers.unpause(world.subject, id);
    await resume.asked;
    const reboot = late('guestState');
    const { actionId } = await servers.reboot(world.subject, id, 'hard');
    resume.answer();
    await world.wait(unpause.actionId);
    await reboot.asked;
    expect(await stateOf(id)).toEqual(['active', 'rebooting_hard']);
    await expect(servers.shelve(world.subject, id)).rejects.toMatchObject({ code: 'conflict' });
    reboot.answer();
    await world.wait(actionId);
    expect(await stateOf(id)).toEqual(['active', null]);
  });

  it('deletes once, however often it is asked to', async () => {
    await makeServer(world);
    const id = await serverId(world);
    const { servers } = world.cloud;
    const asked = await Promise.all([1, 2, 3].map(() => servers.delete(world.subject, id)));
    expect(asked.filter(({ actionId }) => actionId !== undefined)).toHaveLength(1);
    await world.settled();
    await expect(servers.delete(world.subject, id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('never gives an id to a second server', async () => {
    const id = 'a'.repeat(32);
    const { servers } = world.cloud;
    const wanted = { ...newServer(world), id };
    const both = await Promise.allSettled([
      servers.create(world.subject, wanted),
      servers.create(world.subject, wanted),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    await world.settled();
    await servers.delete(world.subject, id);
    await world.settled();
    await expect(servers.create(world.subject, wanted)).rejects.toMatchObject({ code: 'duplicate' });
  });

  it('gives away no more than the host has', async () => {
    await world[Symbol.asyncDispose]();
    // Of 1464 MB the host keeps 183 for itself: that leaves room for ten guests of 128.
    world = await World.open({ capacity: { vcpus: 64, memoryMb: 1464, diskGb: 1000 } });
    const asked = Array.from({ length: 50 }, (_, index) =>
      world.cloud.servers.create(world.subject, { ...newServer(world), name: `server-${index}` }),
    );
    await Promise.all(asked);
    await world.settled();
    const rows = await world.db.read.selectFrom('servers').select(['vm_state', 'fault']).execute();
    expect(rows.filter(({ vm_state }) => vm_state === 'active')).toHaveLength(10);
    const faults = rows.filter(({ vm_state }) => vm_state === 'error').map(({ fault }) => JSON.parse(fault!).message);
    expect(faults).toHaveLength(40);
    expect(new Set(faults)).toEqual(
      new Set(['No valid host was found. 1 host: 1 lacks memory (need 128 MB, free 1 MB).']),
    );
  });
});

describe('a deletion', () => {
  it('ends a server that is being built', async () => {
    const image = late('ensureImageCached');
    const [begun] = await world.cloud.servers.create(world.subject, newServer(world));
    await image.asked;
    const { actionId } = await world.cloud.servers.delete(world.subject, begun!.server.id);
    image.answer();
    expect(await world.wait(begun!.actionId)).toMatchObject({ state: 'failed', failure: { code: 'cancelled' } });
    expect((await world.wait(actionId!)).state).toBe('succeeded');
  });

  it('comes to its end at once for its user when the host is down, and to its real end later', async () => {
    await makeServer(world);
    const id = await serverId(world);
    refuse('removeGuest', 'removeDisk');
    const { actionId } = await world.cloud.servers.delete(world.subject, id);
    expect((await world.wait(actionId!)).state).toBe('parked');
    await expect(world.cloud.servers.get(world.subject, id)).rejects.toMatchObject({ code: 'not_found' });
    await world.cloud.runner.idle();
    const findings = await world.audit();
    expect(findings.length).toBeGreaterThan(0);
    expect(new Set(findings.map(({ level }) => level))).toEqual(new Set(['remaining work']));
    expect((await world.host.inventory()).guests).toHaveLength(1);
  });

  it('removes what the building of its server could not take back', async () => {
    refuse('ensureGuestRunning', 'removeGuest', 'removeDisk', 'stopGuest');
    const [begun] = await world.cloud.servers.create(world.subject, newServer(world));
    expect((await world.wait(begun!.actionId)).state).toBe('parked');
    await world.done(world.cloud.servers.delete(world.subject, begun!.server.id));
    expect((await world.host.inventory()).disks).toHaveLength(1);
  });

  it('is not held up by a confirmation that it cuts off', async () => {
    await makeServer(world);
    const id = await serverId(world);
    await world.done(world.cloud.servers.resize(world.subject, id, '84'));
    await world.restart({
      actions: withSteps(allActions, 'server.confirm-resize', (step) =>
        preceded(step, async () => void (await world.cloud.servers.delete(world.subject, id))),
      ),
    });
    const { actionId } = await world.cloud.servers.confirmResize(world.subject, id);
    expect((await world.wait(actionId)).state).toBe('succeeded');
  });
});

describe('what is left of an action for later', () => {
  it('does not stop a guest that its user has started since', async () => {
    await makeServer(world);
    const id = await serverId(world);
    await world.done(world.cloud.servers.stop(world.subject, id));
    refuse('ensureGuestRunning', 'stopGuest');
    const { actionId } = await world.cloud.servers.start(world.subject, id);
    expect((await world.wait(actionId)).state).toBe('parked');
    expect(await stateOf(id)).toEqual(['stopped', null]);
    world.faults.before = undefined;
    await world.done(world.cloud.servers.start(world.subject, id));
    await world.restart();
    await world.settled();
    expect(await stateOf(id)).toEqual(['active', null]);
    expect(await world.host.guestState(id)).toBe('running');
    expect(await world.cloud.runner.outcome(actionId)).toMatchObject({ state: 'failed' });
  });

  it('does not start a guest that its user has stopped since', async () => {
    await makeServer(world);
    const id = await serverId(world);
    refuse('ensureDisk', 'ensureGuestRunning', 'removeDisk');
    const { actionId } = await world.cloud.servers.rebuild(world.subject, id, { imageId: world.imageIds[1]! });
    expect((await world.wait(actionId)).state).toBe('parked');
    world.faults.before = undefined;
    await world.done(world.cloud.servers.stop(world.subject, id));
    await world.restart();
    await world.settled();
    expect(await stateOf(id)).toEqual(['stopped', null]);
    expect(await world.host.guestState(id)).toBe('stopped');
  });

  it('does not remove a guest that has come to the same host since', async () => {
    await makeServer(world);
    const id = await serverId(world);
    await world.done(world.cloud.servers.shelve(world.subject, id));
    refuse('ensureGuestRunning', 'stopGuest', 'removeGuest');
    const { actionId } = await world.cloud.servers.unshelve(world.subject, id);
    expect((await world.wait(actionId)).state).toBe('parked');
    world.faults.before = undefined;
    await world.done(world.cloud.servers.unshelve(world.subject, id));
    await world.restart();
    await world.settled();
    expect(await stateOf(id)).toEqual(['active', null]);
    expect(await world.host.guestState(id)).toBe('running');
  });

  it('does not take a volume from a guest that was given to it again since', async () => {
    await makeServer(world);
    await makeVolume(world);
    const [id, volume] = [await serverId(world), await volumeId(world)];
    const attach = () => world.cloud.blockStorage.attach(world.subject, id, { volumeId: volume });
    refuse('attachDisk', 'detachDisk');
    const { actionId } = await attach();
    expect((await world.wait(actionId)).state).toBe('parked');
    world.faults.before = undefined;
    await world.done(attach());
    await world.restart();
    await world.settled();
    expect(await world.cloud.runner.outcome(actionId)).toMatchObject({ state: 'failed' });
    expect(world.host.guestSpec(id)?.disks.map(({ volumeId }) => volumeId)).toContain(volume);
  });

  it('waits until nothing else is under way on the server', async () => {
    await makeServer(world);
    const id = await serverId(world);
    await world.restart({ leaseMs: 20 });
    refuse('ensureDisk', 'removeDisk');
    const { actionId } = await world.cloud.servers.rebuild(world.subject, id, { imageId: world.imageIds[1]! });
    expect((await world.wait(actionId)).state).toBe('parked');
    const calls: AgentVerb[] = [];
    world.faults.before = (verb) => void (isAsked(verb) && calls.push(verb));
    const stop = late('stopGuest');
    const begun = await world.cloud.servers.stop(world.subject, id);
    await stop.asked;
    world.skip(61);
    const [other] = await world.cloud.servers.create(world.subject, { ...newServer(world), name: 'other' });
    await world.wait(other!.actionId);
    expect(calls).not.toContain('removeDisk');
    stop.answer();
    await world.wait(begun.actionId);
    world.skip(61);
    await expect.poll(async () => (await world.cloud.runner.outcome(actionId))?.state).toBe('failed');
    expect(calls.indexOf('removeDisk')).toBeGreaterThan(calls.indexOf('stopGuest'));
  });
});

describe('hosts', () => {
  it('that answer late do not hold up other servers, and are not asked twice at once', async () => {
    await makeServer(world);
    const id = await serverId(world);
    const stop = late('stopGuest');
    const begun = await world.cloud.servers.stop(world.subject, id);
    await stop.asked;
    const [other] = await world.cloud.servers.create(world.subject, { ...newServer(world), name: 'other' });
    expect((await world.wait(other!.actionId)).state).toBe('succeeded');
    await expect(world.cloud.servers.start(world.subject, id)).rejects.toMatchObject({ code: 'conflict' });
    stop.answer();
    expect((await world.wait(begun.actionId)).state).toBe('succeeded');
    expect(stop.calls()).toBe(1);
  });

  it('whose guests end by themselves are believed', async () => {
    await makeServer(world);
    const id = await serverId(world);
    world.host.endGuest(id);
    await expect.poll(() => stateOf(id)).toEqual(['stopped', null]);
    await world.done(world.cloud.servers.start(world.subject, id));
    expect(await stateOf(id)).toEqual(['active', null]);
  });

  it('on which a guest ended right before it was to be paused leave nothing behind', async () => {
    await makeServer(world);
    const id = await serverId(world);
    await world.restart({
      actions: withSteps(allActions, 'server.pause', (step) =>
        preceded(step, async () => {
          if ((await world.host.guestState(id)) === 'running') world.host.endGuest(id);
        }),
      ),
    });
    const { actionId } = await world.cloud.servers.pause(world.subject, id);
    expect((await world.wait(actionId)).state).toBe('failed');
  });
});

describe('an action that could not be walked to its end', () => {
  it('is let go of and walked again', async () => {
    let broken = true;
    const actions = allActions.map((action) =>
      action.kind === 'server.stop'
        ? {
            ...action,
            async succeeded(...args: Parameters<typeof action.succeeded>) {
              if (broken) throw new Error('the database is not what it should be');
              await action.succeeded(...args);
            },
          }
        : action,
    );
    await makeServer(world);
    const id = await serverId(world);
    await world.restart({ actions, leaseMs: 100 });
    const { actionId } = await world.cloud.servers.stop(world.subject, id);
    await world.cloud.runner.idle();
    broken = false;
    expect((await world.wait(actionId)).state).toBe('succeeded');
    expect(await stateOf(id)).toEqual(['stopped', null]);
  });
});
