import { expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Tx } from '../../database/database.ts';
import type { ActionsTable } from '../../database/schema.ts';
import type { Cloud } from '../cloud.ts';
import { buildKind, leaveTemplate } from './clone-templates.ts';
import { serverRow } from './server-row.fixture.ts';

eachDatabase('the image of clones', (open, kind) => {
  const build: ActionsTable = {
    ...{ id: 'a', kind: buildKind, name: 'create', resource_type: 'server', resource_id: 's', project_id: 'p' },
    ...{ user_id: 'u', request_id: 'r', state: 'pending', input: '{"templateId":"the-template"}', progress: 0 },
    ...{ error: null, cancel_requested: 0, lease_owner: null, lease_expires_at: 0, created_at: 1, updated_at: 1 },
    finished_at: null,
  };

  it.runIf(kind === 'postgres')('stays while one of them begins to be built at the same moment', async () => {
    const db = await open();
    const retired: string[] = [];
    const templates = { retire: async (_: Tx, id: string) => void retired.push(id) };
    const cloud = { db, images: { templates } } as unknown as Cloud;
    await db.write(async (tx) => {
      await tx.insertInto('servers').values(serverRow(1)).execute();
      await tx
        .insertInto('unbuilt_servers')
        .values({ server_id: serverRow(1).id, input: build.input })
        .execute();
    });
    const begin = () =>
      db.write(async (tx) => {
        await tx.deleteFrom('unbuilt_servers').execute();
        await tx.insertInto('actions').values(build).execute();
      });
    await db.write(async (tx) => {
      let answers = 0;
      const watched = tx.withPlugin({
        transformQuery: ({ node }) => node,
        async transformResult({ result }) {
          answers += 1;
          // After the lock, and the first of the two lists.
          if (answers === 2) await begin();
          return result;
        },
      }) as Tx;
      await leaveTemplate(cloud, watched, 'the-template', 'another');
      expect(answers).toBe(3);
    });
    expect(retired).toEqual([]);
    await db.write(async (tx) => {
      await tx.updateTable('actions').set({ finished_at: 2 }).execute();
      await leaveTemplate(cloud, tx, 'the-template');
    });
    expect(retired).toEqual(['the-template']);
    await db.close();
  });
});
