import { afterEach, beforeEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import { realEnv } from '../../env/real.ts';
import type { Subject } from '../identity/subject.ts';
import { LongJobs } from './long-jobs.ts';

const subject: Subject = {
  ...{ userId: 'user', userName: 'user', projectId: 'project', domainId: 'default', roles: ['member'] },
  ...{ isAdmin: false, requestId: 'req-1' },
};
const request = { jobName: 'APICreateDataVolumeMsg', jobData: '{}' };

eachDatabase('a long job that is run again', (open) => {
  let db: Database;
  let longJobs: LongJobs;

  beforeEach(async () => {
    db = await open();
    // Nothing here is cancelled, which alone needs the runner.
    longJobs = new LongJobs({ db, env: realEnv(), runner: undefined as never });
  });
  afterEach(() => db.close());

  const target = async (id: string) =>
    (await db.read.selectFrom('long_jobs').select('target_resource_id').where('id', '=', id).executeTakeFirstOrThrow())
      .target_resource_id;

  it.each([
    ['what its owner said', { targetResourceId: 'named', makes: 'first' }, 'second', 'named', 'named'],
    ['what it makes this time', { makes: 'first' }, 'second', 'first', 'second'],
    ['what it was about, where it makes nothing', { makes: 'first' }, undefined, 'first', 'first'],
    ['nothing, where nobody has said anything', {}, undefined, null, null],
  ])('is about %s', async (_, said, makes, before, after) => {
    const { id } = await longJobs.begin(subject, { ...request, ...said });
    expect(await target(id)).toBe(before);
    await longJobs.finish(id, 'Failed', {});
    await longJobs.restart(subject, id, makes);
    expect(await target(id)).toBe(after);
  });

  it('is not begun while it runs', async () => {
    const { id } = await longJobs.begin(subject, request);
    await expect(longJobs.restart(subject, id, 'other')).rejects.toMatchObject({ code: 'conflict' });
    expect(await target(id)).toBe(null);
  });
});
