import { describe, expect, it } from 'vitest';
import { CloudError } from '../errors.ts';
import type { Life, LifeTransition } from './life.ts';

/** How a life is led in a test: all of it against the real engine. */
export interface LifeSuite<State extends string, Key extends string, Scene> {
  /** As `a volume`. */
  noun: string;
  states: readonly State[];
  life: Readonly<Record<Key, LifeTransition<State>>>;
  /** How each is asked for. Two that are asked for in the same way share their function. */
  ask: Readonly<Record<Key, (scene: Scene) => Promise<unknown>>>;
  /** Brings a new one into the state. */
  enter(state: State): Promise<Scene>;
  /** What it is now; `gone` when users do not find it any more. */
  stateOf(scene: Scene): Promise<State | 'gone'>;
  /** All that a refusal has to leave as it is. */
  rowOf(scene: Scene): Promise<unknown>;
  /** Waits for what was begun. */
  done(begun: unknown): Promise<void>;
  /** Lets the next one have what this one holds. */
  leave?(scene: Scene): Promise<void>;
  /** What is taken without a word although nothing comes of it, instead of being refused. */
  isIgnored?(key: Key, state: State): boolean;
  /** Milliseconds for one test. */
  limit: number;
}

/** The codes that refusals have: the request can not be fulfilled in this state, or what it names is not there. */
const refusals = /^(invalid|conflict|not_found|forbidden)$/;

/**
 * Walks all cells of a life: what is not in its table is refused and changes nothing, and what is in it comes to what
 * the table says.
 */
export function walkLife<State extends string, Key extends string, Scene>(suite: LifeSuite<State, Key, Scene>): void {
  const { ask, limit, noun } = suite;
  const keys = Object.keys(suite.life) as Key[];
  const life: Life<State> = suite.life;
  const allows = (key: Key, state: State) => life[key]!.from.includes(state);

  describe.each(suite.states)(`${noun} that is %s`, (state) => {
    const allowed = keys.filter((key) => allows(key, state));
    const refused = keys.filter((key) => !allowed.some((other) => ask[other] === ask[key]));

    it(
      'refuses what is not allowed, and nothing changes',
      async () => {
        const scene = await suite.enter(state);
        const before = await suite.rowOf(scene);
        for (const key of refused) {
          const refusal = await ask[key](scene).then(
            () => 'it was not refused',
            (error: unknown) => error,
          );
          if (!suite.isIgnored?.(key, state)) {
            expect(refusal, key).toBeInstanceOf(CloudError);
            expect((refusal as CloudError).code, key).toMatch(refusals);
          }
          expect(await suite.rowOf(scene), key).toEqual(before);
        }
        await suite.leave?.(scene);
      },
      limit,
    );

    it.skipIf(allowed.length === 0).each(allowed)(
      'takes %s, and comes to what it leads to',
      async (key) => {
        const scene = await suite.enter(state);
        await suite.done(await ask[key](scene));
        const { after } = life[key]!;
        expect(await suite.stateOf(scene)).toBe(after === 'as before' ? state : after);
        await suite.leave?.(scene);
      },
      limit,
    );
  });
}
