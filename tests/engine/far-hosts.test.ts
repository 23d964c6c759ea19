import { describe, it } from 'vitest';
import type { Mishap, MishapOf } from '../../src/agent/far/unsteady-line.fixture.ts';
import { allActions } from '../../src/cloud/open-cloud.ts';
import { allFixtures } from './action-suite.ts';
import { Case } from './case.ts';

/** How many of the questions of each case get no answer at first. */
const samples = 2;

/** Backups are files of a gibibyte, each piece of which is looked at on its way. */
const patience = { timeout: 900_000 };

describe('actions on hosts on other machines', () => {
  for (const action of allActions) {
    const fixture = allFixtures[action.kind]![0]!;
    it(
      `${action.kind}: whatever is asked twice is done once, and what was not answered is asked again`,
      patience,
      async () => {
        let mishapOf: MishapOf = (verb) => (verb === 'injectNmi' || verb === 'exportDisk' ? undefined : 'twice');
        const world = { ...fixture.world, mishapOf: ((verb, args) => mishapOf(verb, args)) satisfies MishapOf };
        const tried = await Case.open(action, { ...fixture, world });
        try {
          const count = tried.verbs.length;
          for (const mishap of ['lost answer', 'lost request'] satisfies Mishap[]) {
            for (let sample = 0; sample < Math.min(samples, count); sample += 1) {
              const chosen = Math.floor((sample * count) / samples);
              let asked = -1;
              mishapOf = () => undefined;
              tried.whenReady = () => {
                mishapOf = (verb) => {
                  if (verb !== 'inventory' && verb !== 'describe') asked += 1;
                  return asked === chosen ? mishap : undefined;
                };
              };
              await tried.run();
              mishapOf = () => undefined;
              if (fixture.failed === 'never') await tried.world.restart();
              await tried.check(`${tried.verbs[chosen]} (call ${chosen}): ${mishap}`);
            }
          }
        } finally {
          await tried.close();
        }
      },
    );
  }
});
