import { expect } from 'vitest';
import type { AnyAction } from '../../src/actions/definition.ts';
import type { AgentVerb } from '../../src/agent/hypervisor/simulated/simulated-host.ts';
import type { Finding } from '../../src/cloud/audit/audit.ts';
import { allActions } from '../../src/cloud/open-cloud.ts';
import type { Database } from '../../src/database/database.ts';
import { KillableProcess } from '../support/killable.ts';
import { clear } from './clear.ts';
import type { Fixture } from './fixtures/fixture.ts';
import { type Print, printOf } from './print.ts';
import { type EngineOptions, isAsked, World } from './world.ts';
import { preceded, withSteps } from './wrap.ts';

/** One case of an action: a world of its own, and how it looks before the action and after it, when nothing goes wrong. */
export class Case {
  readonly action: AnyAction;
  readonly fixture: Fixture;
  world: World;
  /** The steps that the case goes through. */
  readonly steps: Array<{ path: string; name: string }> = [];
  /** What it asks of the host, in this order. */
  readonly verbs: AgentVerb[] = [];
  /** How often the action writes to the database when nothing goes wrong. */
  writes = 0;
  /** Called once, when all is there that the next run needs. */
  whenReady: () => void = () => {};
  #empty!: Print;
  #before!: Print;
  #after!: Print;
  #since = 0;

  private constructor(action: AnyAction, fixture: Fixture, world: World) {
    this.action = action;
    this.fixture = fixture;
    this.world = world;
  }

  /** @param openDatabase for each of its worlds, where it is not to be SQLite in memory */
  static async open(action: AnyAction, fixture: Fixture, openDatabase?: () => Promise<Database>): Promise<Case> {
    const opened = new Case(action, fixture, await World.open({ db: await openDatabase?.(), ...fixture.world }));
    await opened.#record();
    return opened;
  }

  /** Begins anew in another world. */
  async reopen(): Promise<void> {
    await this.close();
    this.whenReady = () => {};
    this.world = await World.open(this.fixture.world);
  }

  async close(): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }

  /** Goes through the case once without any trouble. */
  async #record(): Promise<void> {
    const { world, fixture, steps } = this;
    this.#empty = await printOf(world);
    let isRecording = false;
    const actions = withSteps(allActions, this.action.kind, (step, path) =>
      preceded(step, async () => void (isRecording && steps.push({ path, name: step.name }))),
    );
    const process = new KillableProcess();
    await world.restart({ actions, process });
    await fixture.before(world);
    await world.settled();
    this.#before = await printOf(world);
    isRecording = true;
    const written = process.writes;
    world.faults.before = (verb) => void (isAsked(verb) && this.verbs.push(verb));
    await world.done(fixture.submit(world));
    world.faults.before = undefined;
    await world.cloud.runner.idle();
    this.writes = process.writes - written;
    await world.settled();
    this.#after = await printOf(world);
    expect(await world.audit()).toEqual([]);
    await this.cleanUp();
  }

  /** Makes what there has to be and runs the action over it, in an engine that is opened for it if it is special. */
  async run(options?: EngineOptions): Promise<void> {
    const { world, fixture } = this;
    await fixture.before(world);
    await world.settled();
    if (options) await world.restart(options);
    await world.cloud.runner.idle();
    this.#since = world.env.now();
    this.whenReady();
    this.whenReady = () => {};
    // A process that is killed does not get to say what became of the request.
    const begun = await fixture.submit(world).catch((error: unknown) => {
      if (!options?.process?.isDead) throw error;
    });
    if (begun?.actionId && !options?.process) await world.wait(begun.actionId);
    await world.cloud.runner.idle();
  }

  /** Nothing is stuck and nothing leaked, all is as before the action or as after it, and can be deleted. */
  async check(how: string): Promise<void> {
    const { world, fixture } = this;
    world.faults.before = undefined;
    world.faults.after = undefined;
    await world.settled();
    expect(await this.leftovers(), how).toEqual([]);
    const now = await printOf(world);
    const state = await this.#outcome();
    const { failed, begun } = fixture;
    if (state === 'succeeded' && begun?.(now, this.#before)) return await this.cleanUp();
    if (state === 'succeeded') expect(now, how).toEqual(this.#after);
    else if (state === 'never asked for' || failed === undefined) expect(now, how).toEqual(this.#before);
    else if (failed === 'never') expect.fail(`${how}: it ${state}, but it only goes forward`);
    else expect(failed(now, this.#before), `${how}: ${JSON.stringify(now, null, 1)}`).toBe(true);
    await this.cleanUp();
  }

  /** All that the audit finds, but images that a host keeps for later: they cost room and nothing else. */
  async leftovers(): Promise<Finding[]> {
    const findings = await this.world.audit();
    return findings.filter((one) => one.level === 'violation' || one.invariant !== 'cached-image-is-known');
  }

  /** Whatever is there can be deleted, and then there is nothing. */
  async cleanUp(): Promise<void> {
    await this.world.restartIfSpecial();
    await clear(this.world);
    expect(await printOf(this.world)).toEqual(this.#empty);
    expect(await this.leftovers()).toEqual([]);
  }

  async deleteServers(): Promise<void> {
    const { cloud, db, subject } = this.world;
    const rows = await db.read.selectFrom('servers').select('id').where('deleted_at', 'is', null).execute();
    for (const { id } of rows) await cloud.servers.delete(subject, id);
  }

  async #outcome(): Promise<string> {
    const row = await this.world.db.read
      .selectFrom('actions')
      .select('state')
      .where('kind', '=', this.action.kind)
      .where('created_at', '>', this.#since)
      .executeTakeFirst();
    return row?.state ?? 'never asked for';
  }
}
