import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AnyAction } from '../../src/actions/definition.ts';
import { AgentError } from '../../src/agent/contract.ts';
import type { AgentVerb } from '../../src/agent/hypervisor/simulated/simulated-host.ts';
import { allActions } from '../../src/cloud/open-cloud.ts';
import { KillableProcess } from '../support/killable.ts';
import { Case } from './case.ts';
import { type Fixture, serverName } from './fixtures/fixture.ts';
import { imageFixtures } from './fixtures/images.ts';
import { localDiskFixtures } from './fixtures/local-disks.ts';
import { rootDiskFixtures } from './fixtures/root-disks.ts';
import { serverFixtures } from './fixtures/servers.ts';
import { sharedDiskFixtures } from './fixtures/shared-disks.ts';
import { volumeFixtures } from './fixtures/volumes.ts';
import { printOf } from './print.ts';
import { type HostFault, isAsked } from './world.ts';
import { doneTwice, failing, preceded, stepsOf, undoneTwice, withSteps } from './wrap.ts';

/** The cases of each action. */
export const allFixtures: Record<string, Fixture[]> = { ...serverFixtures, ...volumeFixtures, ...imageFixtures };
for (const further of [localDiskFixtures, rootDiskFixtures, sharedDiskFixtures])
  for (const [kind, more] of Object.entries(further)) allFixtures[kind] = [...(allFixtures[kind] ?? []), ...more];
/** More database writes than any action has. */
const maxWrites = 80;
/** Steps at the end of actions that see to it themselves that they can't fail. */
const neverFail: ReadonlySet<string> = new Set(['discardOldDisk', 'discardOwnDisks', 'discardLeftBehind', 'leaveHost']);

/** Kinds of actions that have cases. */
export const triedKinds: readonly string[] = Object.keys(allFixtures);

/** Defines what is tried of each of the actions: all that can happen to any action, in each of its cases. */
export function tryActions(actions: readonly AnyAction[]): void {
  for (const action of actions) {
    describe(action.kind, () => {
      const ran = new Set<string>();
      for (const fixture of allFixtures[action.kind] ?? [])
        describe(fixture.name, () => tryEverything(action, fixture, ran));

      it('has every step tried by some case', () => {
        expect(stepsOf(action).filter(({ path }) => !ran.has(path))).toEqual([]);
      });
    });
  }
}

function tryEverything(action: AnyAction, fixture: Fixture, ran: Set<string>): void {
  const onlyForward = fixture.failed === 'never';
  const unwinds = !onlyForward && !fixture.isRowsAlone && stepsOf(action).some(({ name }) => !neverFail.has(name));
  const isOvertaken = action.kind.startsWith('server.') && action.kind !== 'server.delete';
  let tried: Case;

  beforeAll(async () => {
    tried = await Case.open(action, fixture);
    for (const { path } of tried.steps) ran.add(path);
  });

  // What a case that failed has left must not be the next one's trouble.
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await tried.reopen();
  });

  afterAll(async () => {
    await tried?.close();
  });

  if (fixture.isRowsAlone) {
    it('has no step to do', () => {
      expect(tried.steps).toEqual([]);
    });
  }

  it('comes to the same when each step is done twice', async () => {
    await tried.run({ actions: withSteps(allActions, action.kind, doneTwice) });
    await tried.check('done twice');
  });

  if (unwinds) {
    it('unwinds clean when a step fails, and when each undo runs twice', async () => {
      for (const { path, name } of tried.steps.filter((step) => !neverFail.has(step.name))) {
        for (const when of ['before', 'after'] as const) {
          const actions = withSteps(allActions, action.kind, (step, at) =>
            undoneTwice(at === path ? failing(step, when) : step),
          );
          await tried.run({ actions });
          await tried.check(`${name} failed, ${when} its effect`);
        }
      }
    });
  }

  it('survives a host that fails once, or whose answer is lost', async () => {
    for (const [index, verb] of tried.verbs.entries()) {
      for (const when of ['before', 'after'] as const) {
        for (const code of ['unreachable', 'hypervisor_failed'] as const) {
          tried.whenReady = () => {
            tried.world.faults[when] = once(index, new AgentError(code, 'no'));
          };
          await tried.run();
          // What only goes forward is tried again later, when another try right away would not help.
          if (onlyForward) await tried.world.restart();
          await tried.check(`${verb} (call ${index}) was ${code}, ${when} its effect`);
        }
      }
    }
  });

  it('leaves what a host does not do to later tries', async () => {
    for (const [index, verb] of tried.verbs.entries()) {
      const how = `the host went down at ${verb} (call ${index})`;
      tried.whenReady = () => {
        tried.world.faults.before = from(index, new AgentError('unreachable', 'the host is down'));
      };
      await tried.run();
      tried.world.faults.before = undefined;
      await tried.world.cloud.runner.idle();
      const violations = (await tried.world.audit()).filter(({ level }) => level === 'violation');
      expect(violations, how).toEqual([]);
      await tried.world.restart();
      await tried.check(how);
    }
  });

  it.each(['before', 'after'] as const)('goes on after a kill right %s a write', async (when) => {
    await killAtEachWrite(when, allActions, 1);
  });

  if (unwinds) {
    it('goes on unwinding after a kill', async () => {
      const last = tried.steps.findLast(({ name }) => !neverFail.has(name))!;
      const actions = withSteps(allActions, action.kind, (step, at) =>
        at === last.path ? failing(step, 'after') : step,
      );
      await killAtEachWrite('before', actions, Math.max(1, tried.writes - 2));
    });
  }

  /** @param first the write to begin with */
  async function killAtEachWrite(when: 'before' | 'after', actions: readonly AnyAction[], first: number) {
    for (let write = first; write < maxWrites; write += 1) {
      const process = new KillableProcess();
      tried.whenReady = () => process.killAfter(write, when);
      await tried.run({ process, actions });
      const survived = !process.isDead;
      process.kill();
      await tried.world.restart({ actions });
      await tried.check(`killed ${when} write ${write}`);
      if (survived) return;
    }
    throw new Error('the action never ended without a kill');
  }

  if (isOvertaken) {
    it('makes way for the deletion of its server at any step', async () => {
      for (const { path, name } of tried.steps) {
        const actions = withSteps(allActions, action.kind, (step, at) =>
          at === path ? preceded(step, () => tried.deleteServers()) : step,
        );
        await tried.run({ actions });
        await tried.world.settled();
        // What it was cloned into lives on.
        const { servers } = await printOf(tried.world);
        expect(
          servers.filter((one) => one.name === serverName),
          `deleted at ${name}`,
        ).toEqual([]);
        expect(await tried.leftovers(), `deleted at ${name}`).toEqual([]);
        await tried.cleanUp();
      }
    });
  }
}

function once(index: number, error: Error): HostFault {
  let calls = -1;
  return (verb: AgentVerb) => {
    if (isAsked(verb)) calls += 1;
    return isAsked(verb) && calls === index ? error : undefined;
  };
}

function from(index: number, error: Error): HostFault {
  let calls = -1;
  return (verb: AgentVerb) => {
    if (isAsked(verb)) calls += 1;
    return calls >= index ? error : undefined;
  };
}
