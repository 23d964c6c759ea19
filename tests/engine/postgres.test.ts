import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allActions } from '../../src/cloud/open-cloud.ts';
import { openPostgres } from '../../src/database/postgres.ts';
import { KillableProcess } from '../support/killable.ts';
import { createPostgresDatabase } from '../support/postgres.ts';
import { postgresVariable } from '../support/postgres-server.ts';
import { Case } from './case.ts';
import type { Fixture } from './fixtures/fixture.ts';
import { localDiskFixtures } from './fixtures/local-disks.ts';
import { rootDiskFixtures } from './fixtures/root-disks.ts';
import { serverFixtures } from './fixtures/servers.ts';
import { volumeFixtures } from './fixtures/volumes.ts';

/** What `actions.test.ts` does with every action on SQLite is done with these on PostgreSQL, where holds have to lapse. */
const samples = [
  'server.create',
  'server.delete',
  'server.rebuild',
  'server.clone',
  'server.resize',
  'server.migrate',
  'server.shelve',
  'volume.create',
  'server.snapshot-disks',
  'server.revert-disks',
];
const fixtures: Record<string, Fixture[]> = {
  ...serverFixtures,
  ...volumeFixtures,
  'server.resize': localDiskFixtures['server.resize']!,
  'server.migrate': rootDiskFixtures['server.migrate']!,
};
/** Longer than a process holds an action without a sign of life. */
const lapseSeconds = 60;
const maxWrites = 80;
/** Every so many writes one is looked at. */
const stride = 3;

const server = process.env[postgresVariable];
const title = server ? 'PostgreSQL' : `PostgreSQL: left out, ${postgresVariable} names no server`;

describe.skipIf(!server)(`an action on ${title}`, () => {
  for (const kind of samples) {
    describe(kind, () => {
      let tried: Case;

      beforeAll(async () => {
        const action = allActions.find((one) => one.kind === kind)!;
        tried = await Case.open(action, fixtures[kind]![0]!, async () => openPostgres(await createPostgresDatabase()));
      });

      afterAll(async () => {
        await tried?.close();
      });

      it('is taken over by another process after a kill', async () => {
        for (let write = 1; write < maxWrites; write += stride) {
          const when = write % 2 === 0 ? 'before' : 'after';
          const process = new KillableProcess();
          tried.whenReady = () => process.killAfter(write, when);
          await tried.run({ process });
          const survived = !process.isDead;
          process.kill();
          tried.world.skip(lapseSeconds);
          await tried.world.restart();
          await tried.check(`killed ${when} write ${write}`);
          if (survived) return;
        }
        expect.fail('the action never ended without a kill');
      });
    });
  }
});
