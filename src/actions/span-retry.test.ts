import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { openSqlite } from '../database/sqlite.ts';
import { newId } from '../env/env.ts';
import { realEnv } from '../env/real.ts';
import { actionWords, anyAction } from './definition.ts';
import { ActionRunner } from './runner.ts';

const real = realEnv();
/** Nobody waits for a pause. */
const env = { ...real, sleep: (ms: number, signal?: AbortSignal) => real.sleep(Math.min(ms, 1), signal) };
const log = { info() {}, warn() {}, error() {} };

/** Places where a thing was made, and those that can't be reached any more. */
interface Places {
  chosen: number;
  made: Set<string>;
  unreachable: Set<string>;
}

const { action, span, step } = actionWords<Places>();

const choose = step<object, { place: string }>('choose', {
  do: async ({ services }) => ({ state: { place: `place ${++services.chosen}` } }),
  undo: async () => {},
});

const make = step<object, { place: string }>('make', {
  async do({ services, state }) {
    services.made.add(state.place!);
    if (state.place !== 'place 1') return;
    services.unreachable.add(state.place);
    throw new Error('the place does not answer');
  },
  async undo({ services, state }) {
    if (services.unreachable.has(state.place!)) throw new Error('the place does not answer');
    services.made.delete(state.place!);
  },
});

it('is not tried elsewhere while what its first try has left can not be removed', async () => {
  const db = await openSqlite(':memory:');
  const settled: string[] = [];
  const toy = action('toy', Type.Object({}), [span('build', [choose, make], { attempts: 2 })], {
    succeeded: async () => void settled.push('succeeded'),
    failed: async () => void settled.push('failed'),
  });
  const runner = new ActionRunner({ db, env, log, actions: [anyAction(toy)] });
  const places: Places = { chosen: 0, made: new Set(), unreachable: new Set() };
  await runner.start(places);
  const who = { projectId: 'p', userId: 'u', requestId: 'req-1', resourceType: 'toy', resourceId: newId(env) };
  const id = await db.write((tx) => runner.submit(tx, toy, { input: {}, name: 'toy', ...who }));
  const outcome = await runner.wait(id, { timeoutMs: 60_000 });
  expect(outcome).toMatchObject({ state: 'parked', failure: { message: 'the place does not answer', step: 'make' } });
  expect(settled).toEqual(['failed']);
  expect(places).toMatchObject({ chosen: 1, made: new Set(['place 1']) });
  await runner.stop();
  await db.close();
});

it('is undone when it is cancelled in its next try, though its first one was undone already', async () => {
  const db = await openSqlite(':memory:');
  const made = new Set<string>();
  const begun = Promise.withResolvers<void>();
  let tries = 0;
  const { action, span, step } = actionWords<object>();
  const make = step<object, object>('make', {
    async do({ signal }) {
      made.add('thing');
      tries += 1;
      if (tries === 1) throw new Error('it has to be tried again');
      begun.resolve();
      await new Promise<void>((cancelled) => signal.addEventListener('abort', () => cancelled()));
      throw new Error('no answer came');
    },
    undo: async () => void made.delete('thing'),
  });
  const toy = action('toy', Type.Object({}), [span('build', [make], { attempts: 2 })], {
    succeeded: async () => {},
    failed: async () => {},
  });
  const runner = new ActionRunner({ db, env, log, actions: [anyAction(toy)] });
  await runner.start({});
  const who = { projectId: 'p', userId: 'u', requestId: 'req-1', resourceType: 'toy', resourceId: newId(env) };
  const id = await db.write((tx) => runner.submit(tx, toy, { input: {}, name: 'toy', ...who }));
  await begun.promise;
  await db.write((tx) => runner.cancel(tx, who.resourceId));
  expect(await runner.wait(id, { timeoutMs: 60_000 })).toMatchObject({
    state: 'failed',
    failure: { code: 'cancelled' },
  });
  expect([...made]).toEqual([]);
  await runner.stop();
  await db.close();
});
