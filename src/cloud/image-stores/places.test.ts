import { expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { realEnv } from '../../env/real.ts';
import type { ImageStore } from '../../image-stores/store.ts';
import type { CloudCore } from '../core.ts';
import { ImageStores } from './image-stores.ts';

eachDatabase('places of image stores', (open) => {
  it('are of one store each, also where several processes add stores', async () => {
    const db = await open();
    try {
      const core = { db, env: realEnv(), log: { warn() {} } } as unknown as CloudCore;
      const driver = { close: async () => {}, capacity: async () => ({ total: 1, free: 1 }) } as unknown as ImageStore;
      const process = () => new ImageStores(core, async () => driver);
      const added = await Promise.allSettled([
        process().add({ name: 'one', url: '/images' }),
        process().add({ name: 'two', url: '/images' }),
        process().add({ name: 'three', url: '/images/three' }),
      ]);
      expect(added.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const refused = { status: 'rejected', reason: { code: 'invalid', details: { reason: 'no_store_place' } } };
      expect(added.filter(({ status }) => status === 'rejected')).toMatchObject([refused, refused]);
      await process().add({ name: 'apart', url: '/images-too' });
      await process().add({ name: 'far', kind: 's3', url: 's3://images' });
      await expect(process().add({ name: 'far too', kind: 's3', url: 's3://images' })).rejects.toThrow(
        's3://images is the place of the image store far',
      );
    } finally {
      await db.close();
    }
  });
});
