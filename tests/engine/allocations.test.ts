import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CloudError } from '../../src/cloud/errors.ts';
import { type Amounts, capacityOf } from '../../src/cloud/hosts/model.ts';
import { newId } from '../../src/env/env.ts';
import { eachDatabase } from '../support/postgres.ts';
import { World } from './world.ts';

const capacity = { vcpus: 1, memoryMb: 1024, diskGb: 5 };
const amounts = fc.record({
  vcpus: fc.integer({ min: 1, max: 6 }),
  memoryMb: fc.constantFrom(64, 128, 300, 500, 896),
  diskGb: fc.integer({ min: 0, max: 8 }),
});
/** Requests that come at the same moment; then every so many-th of what is held is given back. */
const round = fc.record({
  requests: fc.array(amounts, { minLength: 1, maxLength: 8 }),
  giveBack: fc.integer({ min: 2, max: 5 }),
});
const kinds = ['vcpus', 'memoryMb', 'diskGb'] as const;

interface Taken {
  serverId: string;
  hostId: string;
  need: Amounts;
}

eachDatabase('room on hosts', (open) => {
  it('is never given away twice, and never refused while there is some, whoever asks at the same moment', async () => {
    await using world = await World.open({ db: await open(), hosts: 3, capacity });
    const { cloud } = world;
    const room = new Map((await cloud.hosts.list()).map((host) => [host.id, capacityOf(host)]));

    const ask = async (need: Amounts): Promise<Taken | Amounts> => {
      const serverId = newId(world.env);
      try {
        return { serverId, hostId: await cloud.hosts.allocate(serverId, 'current', need), need };
      } catch (error) {
        expect(error).toBeInstanceOf(CloudError);
        expect(error).toMatchObject({ code: 'no_valid_host' });
        return need;
      }
    };
    /** What is free on each host by what the database says, which has to be what was told. */
    const free = async (held: readonly Taken[]): Promise<Amounts[]> => {
      const rows = await world.db.read.selectFrom('allocations').selectAll().execute();
      expect(rows.map(({ server_id, host_id }) => `${server_id} ${host_id}`).sort()).toEqual(
        held.map(({ serverId, hostId }) => `${serverId} ${hostId}`).sort(),
      );
      return [...room].map(([hostId, all]) => {
        const mine = held.filter((one) => one.hostId === hostId);
        const left = (kind: keyof Amounts) => mine.reduce((rest, { need }) => rest - need[kind], all[kind]);
        return { vcpus: left('vcpus'), memoryMb: left('memoryMb'), diskGb: left('diskGb') };
      });
    };

    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 6 }), async (rounds) => {
        let held: Taken[] = [];
        for (const { requests, giveBack } of rounds) {
          const answers = await Promise.all(requests.map(ask));
          const isTaken = (answer: Taken | Amounts): answer is Taken => 'hostId' in answer;
          held.push(...answers.filter(isTaken));
          const left = await free(held);
          for (const host of left) for (const kind of kinds) expect(host[kind]).toBeGreaterThanOrEqual(0);
          // Nothing was given back meanwhile: what fits now has fitted all along.
          for (const refused of answers.filter((answer) => !isTaken(answer)) as Amounts[])
            expect(left.some((host) => kinds.every((kind) => refused[kind] <= host[kind]))).toBe(false);
          const leaving = held.filter((_, index) => index % giveBack === 0);
          await world.db.write(async (tx) => {
            for (const { serverId } of leaving) await cloud.hosts.release(tx, serverId);
          });
          held = held.filter((one) => !leaving.includes(one));
        }
        await world.db.write(async (tx) => {
          for (const { serverId } of held) await cloud.hosts.release(tx, serverId);
        });
      }),
      { numRuns: 30 },
    );
  });
});
