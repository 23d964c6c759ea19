import { expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { realEnv } from '../../env/real.ts';
import { type ImageStore, StoreError } from '../../image-stores/store.ts';
import type { CloudCore } from '../core.ts';
import { defaultSettings } from '../settings.ts';
import { ImageStores } from './image-stores.ts';

eachDatabase('an image store that is away', (open) => {
  it('is connected once it answers, by one driver however many ask for it', async () => {
    const db = await open();
    try {
      const log = { debug() {}, warn() {}, error() {} };
      const core = { db, env: realEnv(), settings: defaultSettings, log } as unknown as CloudCore;
      const driver = { close: async () => {}, capacity: async () => ({ total: 1, free: 1 }) } as unknown as ImageStore;
      let isAway = false;
      let opened = 0;
      const opener = async () => {
        if (isAway) throw new StoreError('failed', 'connect ECONNREFUSED');
        opened += 1;
        await new Promise((resolve) => setImmediate(resolve));
        return driver;
      };
      const { id } = await new ImageStores(core, opener).add({ name: 'far', kind: 's3', url: 's3://images' });
      isAway = true;
      const stores = new ImageStores(core, opener);
      await stores.open();
      expect(stores.get(id).status).toBe('disconnected');
      expect(stores.takesImages(stores.get(id))).toBe(false);
      [isAway, opened] = [false, 0];
      await Promise.all([stores.open(), stores.open(), stores.reconnect(id)]);
      expect(opened).toBe(1);
      expect(stores.get(id).status).toBe('connected');
      expect(stores.takesImages(stores.get(id))).toBe(true);
    } finally {
      await db.close();
    }
  });
});
