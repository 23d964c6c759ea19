import { expect, it } from 'vitest';
import { holdWrites, untilBlocked } from '../../tests/support/held-writes.ts';
import { eachDatabase } from '../../tests/support/postgres.ts';
import { ChangedSettings } from './changed-settings.ts';
import { operator } from './identity/subject.ts';
import { defaultSettings } from './settings.ts';

eachDatabase('settings that are changed', (open) => {
  it('are what the last of two says that change one at the same moment', async () => {
    const db = await open();
    const { db: slowDb, held, commit } = holdWrites(db);
    const settings = { ...defaultSettings };
    const slow = new ChangedSettings({ db: slowDb, settings: { ...settings } });
    const other = new ChangedSettings({ db, settings: { ...settings } });
    try {
      const first = slow.set(operator(), 'sessionLifetime', 100);
      await held;
      const second = other.set(operator(), 'sessionLifetime', 200);
      await untilBlocked(db);
      commit();
      await Promise.all([first, second]);
      await new ChangedSettings({ db, settings }).load();
      expect(settings.sessionLifetime).toBe(200);
    } finally {
      commit();
      await db.close();
    }
  });
});
