import fc from 'fast-check';
import { sql } from 'kysely';
import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { KillableProcess } from '../../tests/support/killable.ts';
import { eachDatabase } from '../../tests/support/postgres.ts';
import { type Database, DatabaseUnavailable, type Tx } from '../database/database.ts';
import { newId } from '../env/env.ts';
import { realEnv } from '../env/real.ts';
import { type Action, actionWords, anyAction, type Node } from './definition.ts';
import { ActionRunner } from './runner.ts';

/** A world outside the database: things that steps make and undo. */
interface World {
  things: Set<string>;
  calls: string[];
  /** Step name → how often it still fails. */
  failures: Map<string, number>;
  settled: string[];
}

interface Input {
  id: string;
}
type State = Record<string, string>;
const words = actionWords<World>();
const env = realEnv();
const silent = { info() {}, warn() {}, error() {} };

function make(name: string, retries = 1) {
  return words.step<Input, State>(name, {
    retry: { attempts: retries, backoffMs: 0 },
    async do({ services, input }) {
      services.calls.push(name);
      services.things.add(`${input.id}:${name}`);
      const left = services.failures.get(name) ?? 0;
      if (left > 0) {
        services.failures.set(name, left - 1);
        throw new Error(`${name} went wrong`);
      }
      return { state: { [name]: 'made' }, undo: { name } };
    },
    async undo({ services, input }) {
      services.calls.push(`undo ${name}`);
      services.things.delete(`${input.id}:${name}`);
    },
  });
}

function toy(nodes: readonly Node<World, Input, State>[], onFailure: 'unwind' | 'park' = 'unwind') {
  return words.action('toy', Type.Object({ id: Type.String() }), nodes, {
    onFailure,
    async succeeded(_tx, { services }) {
      services.settled.push('succeeded');
    },
    async failed(_tx, { services }, failure) {
      services.settled.push(`failed: ${failure.message}`);
    },
  });
}

function world(failures: Record<string, number> = {}): World {
  return { things: new Set(), calls: [], failures: new Map(Object.entries(failures)), settled: [] };
}

async function run(action: Action<World, Input, State>, services: World, db: Database, leaseMs?: number) {
  const runner = new ActionRunner({ db, env, actions: [anyAction(action)], log: silent, ...(leaseMs && { leaseMs }) });
  await runner.start(services);
  const actionId = await db.write((tx) => runner.submit(tx, action, submission()));
  const outcome = await runner.wait(actionId, { timeoutMs: 60_000 });
  await runner.stop();
  const events = await db.read
    .selectFrom('action_events')
    .selectAll()
    .where('action_id', '=', actionId)
    .orderBy('seq')
    .execute();
  return { outcome, events, actionId };
}

function submission(resourceId = newId(env)) {
  return {
    input: { id: 'x' },
    name: 'toy',
    resourceType: 'toy',
    resourceId,
    projectId: 'p',
    userId: 'u',
    requestId: 'req-1',
  };
}

eachDatabase('an action', (open, kind) => {
  it('walks its steps in order and journals nested spans', async () => {
    const db = await open();
    const services = world();
    const inner = words.span('inner', [make('b')]);
    const { outcome, events } = await run(toy([words.span('outer', [make('a'), inner]), make('c')]), services, db);
    expect(outcome).toEqual({ state: 'succeeded', failure: undefined });
    expect(services.calls).toEqual(['a', 'b', 'c']);
    expect(events.map(({ name, result }) => [name, result])).toEqual([
      ['outer', 'Success'],
      ['inner', 'Success'],
    ]);
    expect(events[1]!.started_at).toBeGreaterThan(events[0]!.started_at);
    expect(events[1]!.finished_at).toBeLessThanOrEqual(events[0]!.finished_at!);
    await db.close();
  });

  it('shows each try of a retried step as an event of the same name', async () => {
    const db = await open();
    const services = world({ a: 2 });
    const { outcome, events } = await run(toy([words.span('work', [make('a', 3)])]), services, db);
    expect(outcome?.state).toBe('succeeded');
    expect(events.map(({ name, result }) => [name, result])).toEqual([
      ['work', 'Error'],
      ['work', 'Error'],
      ['work', 'Success'],
    ]);
    await db.close();
  });

  it('undoes newest first and reports the first cause', async () => {
    const db = await open();
    const services = world({ c: 1 });
    const { outcome } = await run(toy([make('a'), make('b'), make('c')]), services, db);
    expect(outcome?.state).toBe('failed');
    expect(outcome?.failure?.message).toBe('c went wrong');
    expect(services.calls).toEqual(['a', 'b', 'c', 'undo c', 'undo b', 'undo a']);
    expect(services.things.size).toBe(0);
    expect(services.settled).toEqual(['failed: c went wrong']);
    await db.close();
  });

  it('undoes a whole span before it tries it again', async () => {
    const db = await open();
    const services = world({ b: 1 });
    const { outcome, events } = await run(
      toy([words.span('build', [make('a'), make('b')], { attempts: 2 })]),
      services,
      db,
    );
    expect(outcome?.state).toBe('succeeded');
    expect(services.calls).toEqual(['a', 'b', 'undo b', 'undo a', 'a', 'b']);
    expect(events.map(({ result }) => result)).toEqual(['Error', 'Success']);
    await db.close();
  });

  it('serialises actions of one resource and runs those of others side by side', async () => {
    const db = await open();
    const services = world();
    const seen: string[] = [];
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const wait = words.step<Input, State>('wait', {
      async do({ resourceId, actionId }) {
        seen.push(`${resourceId} ${actionId}`);
        if (seen.length === 1) await gate;
      },
    });
    const action = toy([wait]);
    const runner = new ActionRunner({ db, env, actions: [anyAction(action)], log: silent });
    await runner.start(services);
    const submit = (resourceId: string) => db.write((tx) => runner.submit(tx, action, submission(resourceId)));
    const first = await submit('same');
    const second = await submit('same');
    const other = await submit('other');
    await runner.wait(other, { timeoutMs: 60_000 });
    expect(seen).toEqual([`same ${first}`, `other ${other}`]);
    release();
    await runner.wait(second, { timeoutMs: 60_000 });
    expect(seen.at(-1)).toBe(`same ${second}`);
    await runner.stop();
    await db.close();
  });

  it('is unwound when it is cancelled', async () => {
    const db = await open();
    const services = world();
    let begun = () => {};
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const hang = words.step<Input, State>('hang', {
      do: ({ signal }) =>
        new Promise((_, reject) => {
          begun();
          signal.addEventListener('abort', () => reject(new Error('aborted')));
        }),
    });
    const action = toy([make('a'), hang]);
    const runner = new ActionRunner({ db, env, actions: [anyAction(action)], log: silent });
    await runner.start(services);
    const id = await db.write((tx) => runner.submit(tx, action, submission('r')));
    await hasBegun;
    await db.write((tx) => runner.cancel(tx, 'r'));
    const outcome = await runner.wait(id, { timeoutMs: 60_000 });
    expect(outcome?.failure?.code).toBe('cancelled');
    expect(services.things.size).toBe(0);
    await runner.stop();
    await db.close();
  });

  it.each(['do', 'commit'] as const)(
    'goes on where the database was away for a moment in what a step %ss',
    async (where) => {
      const db = await open();
      const services = world();
      let tries = 0;
      const breaks = words.step<Input, State>('b', {
        async do() {
          services.calls.push('b');
          const away = async () => {
            tries += 1;
            if (tries === 1) throw new DatabaseUnavailable(new Error('gone'));
          };
          if (where === 'do') await away();
          return where === 'commit' ? { commit: away } : undefined;
        },
      });
      const { outcome } = await run(toy([make('a'), breaks, make('c')]), services, db, 200);
      expect(outcome).toEqual({ state: 'succeeded', failure: undefined });
      expect(services.calls).toEqual(['a', 'b', 'b', 'c']);
      await db.close();
    },
  );

  it.skipIf(kind === 'sqlite')(
    'commits once more where it was in the way of another one, as only PostgreSQL has it',
    async () => {
      const db = await open();
      const services = world();
      let tries = 0;
      const deadlock = sql`do $$ begin raise exception using errcode = 'deadlock_detected'; end $$`;
      const breaks = words.step<Input, State>('b', {
        async do() {
          services.calls.push('b');
          const commit = async (tx: Tx) => {
            tries += 1;
            if (tries === 1) await deadlock.execute(tx);
          };
          return { commit };
        },
      });
      const { outcome } = await run(toy([make('a'), breaks, make('c')]), services, db);
      expect(outcome).toEqual({ state: 'succeeded', failure: undefined });
      expect(services.calls).toEqual(['a', 'b', 'c']);
      await db.close();
    },
  );

  it('goes on or unwinds after a kill at any write, whatever fails', async () => {
    const names = ['a', 'b', 'c', 'd'];
    // Where several processes may share the database, an heir waits for the lease to lapse.
    const leaseMs = kind === 'sqlite' ? 15_000 : 150;
    const scenario = fc.record({
      failing: fc.constantFrom(...names, 'none'),
      failures: fc.integer({ min: 1, max: 4 }),
      retries: fc.integer({ min: 1, max: 3 }),
      attempts: fc.integer({ min: 1, max: 2 }),
      when: fc.constantFrom('before' as const, 'after' as const),
    });
    const nodes = (retries: number, attempts: number) => [
      make('a', retries),
      words.span('s', [make('b', retries), words.span('t', [make('c', retries)])], { attempts }),
      words.when(() => true, [make('d', retries)]),
    ];
    await fc.assert(
      fc.asyncProperty(scenario, async ({ failing, failures, retries, attempts, when }) => {
        for (let killAt = 1; killAt < 60; killAt += 1) {
          const db = await open();
          const services = world({ [failing]: failures });
          const action = toy(nodes(retries, attempts));
          const process = new KillableProcess(killAt, when);
          const doomed = new ActionRunner({
            db: process.database(db),
            env,
            actions: [anyAction(action)],
            log: silent,
            leaseMs,
          });
          await doomed.start(process.wrap(services)).catch(() => {});
          await process
            .database(db)
            .write((tx) => doomed.submit(tx, action, submission()))
            .catch(() => {});
          await doomed.idle();
          const survived = !process.isDead;
          process.kill();
          await doomed.stop();
          const heir = new ActionRunner({ db, env, actions: [anyAction(action)], log: silent, leaseMs });
          await heir.start(services);
          const left = await db.read.selectFrom('actions').select('id').execute();
          for (const { id } of left) await heir.wait(id, { timeoutMs: 60_000 });
          await heir.stop();
          const rows = await db.read.selectFrom('actions').selectAll().execute();
          for (const row of rows) {
            expect(['succeeded', 'failed']).toContain(row.state);
            expect([...services.things].sort()).toEqual(row.state === 'succeeded' ? names.map((n) => `x:${n}`) : []);
          }
          const unfinished = await db.read
            .selectFrom('action_events')
            .selectAll()
            .where('result', 'is', null)
            .execute();
          expect(unfinished).toEqual([]);
          await db.close();
          if (survived) return;
        }
        throw new Error('the action never ended without a kill');
      }),
      { numRuns: kind === 'sqlite' ? 60 : 3 },
    );
  });
});
