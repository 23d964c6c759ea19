import { expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { realEnv } from '../../env/real.ts';
import type { ImageStore } from '../../image-stores/store.ts';
import type { CloudCore } from '../core.ts';
import { defaultSettings } from '../settings.ts';
import { ImageStores } from './image-stores.ts';

eachDatabase('places of image stores', (open) => {
  it('are of one store each, also where several processes add stores', async () => {
    const db = await open();
    try {
      const core = { db, env: realEnv(), settings: defaultSettings, log: { warn() {} } } as unknown as CloudCore;
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

  it('on other machines are of one store each, whoever it is opened as, and wherever it is reached later', async () => {
    const db = await open();
    try {
      const core = { db, env: realEnv(), settings: defaultSettings, log: { warn() {} } } as unknown as CloudCore;
      const driver = { close: async () => {}, list: async () => ({ images: [], others: [] }) } as unknown as ImageStore;
      let onOpening = async (_url: string) => {};
      const process = () =>
        new ImageStores(core, async ({ url }) => {
          await onOpening(url);
          return driver;
        });
      const sftp = (name: string, url: string) => ({ name, kind: 'sftp', url, password: 'sesame' }) as const;
      const added = await Promise.allSettled([
        process().add(sftp('one', 'sftp://one@images:22/srv')),
        process().add(sftp('two', 'sftp://two@images/srv?timeout=60')),
        process().add(sftp('three', 'sftp://one@images:22/srv/three')),
      ]);
      expect(added.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const refused = { code: 'invalid', details: { reason: 'no_store_place' } };
      const theirs = { status: 'rejected', reason: refused };
      expect(added.filter(({ status }) => status === 'rejected')).toMatchObject([theirs, theirs]);

      const stores = process();
      const other = await stores.add(sftp('other', 'sftp://one@images:2222/srv'));
      onOpening = async (url) => expect(url).not.toContain(':22/');
      await expect(stores.relogin(other.id, { port: 22, user: 'two' })).rejects.toMatchObject(refused);
      expect(await stores.relogin(other.id, { port: 2223 })).toMatchObject({ url: 'sftp://one@images:2223/srv' });

      // Another process takes the store out of the cloud while its new place is looked at.
      onOpening = async () => {
        onOpening = async () => {};
        const elsewhere = process();
        await elsewhere.open();
        await elsewhere.remove(other.id);
      };
      await expect(stores.relogin(other.id, { port: 2224 })).rejects.toMatchObject({ code: 'not_found' });
    } finally {
      await db.close();
    }
  });
});
