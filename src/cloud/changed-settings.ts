import type { CloudCore } from './core.ts';
import { CloudError } from './errors.ts';
import { setCpuRatios } from './hosts/cpu-ratios.ts';
import { requireAdmin, type Subject } from './identity/subject.ts';
import { type CloudSettings, changedKeyOf } from './settings.ts';

/** Settings that an administrator may change while the cloud runs, with the least and the most they can be: seconds, where not said otherwise. */
export const changeableSettings = {
  sessionLifetime: { least: 10, most: 31_536_000 },
  imageRetention: { least: 0, most: 31_536_000 },
  /** A number of the three ways, see `CloudSettings`. */
  imageDeletion: { least: 0, most: 2 },
  reclaimInterval: { least: 0, most: 31_536_000 },
  /** A whole number of processors. */
  cpuRatio: { least: 1, most: 1000 },
} as const satisfies Partial<Record<keyof CloudSettings, { least: number; most: number }>>;

export type ChangeableSetting = keyof typeof changeableSettings;

const names = Object.keys(changeableSettings) as ChangeableSetting[];

/**
 * What was changed of the cloud's settings since it was started: kept in the database, so that it holds after a restart
 * and, a minute later at the latest, in every other process of the control plane.
 */
export class ChangedSettings {
  readonly #core: Pick<CloudCore, 'db' | 'settings'>;
  readonly #atStart: Readonly<Pick<CloudSettings, ChangeableSetting>>;

  constructor(core: Pick<CloudCore, 'db' | 'settings'>) {
    this.#core = core;
    const { sessionLifetime, imageRetention, imageDeletion, reclaimInterval, cpuRatio } = core.settings;
    this.#atStart = { sessionLifetime, imageRetention, imageDeletion, reclaimInterval, cpuRatio };
  }

  /** What holds where nothing was changed: what the cloud was started with. */
  get defaults(): Readonly<Pick<CloudSettings, ChangeableSetting>> {
    return this.#atStart;
  }

  /** Takes over what the database says. */
  async load(): Promise<void> {
    const rows = await this.#core.db.read
      .selectFrom('settings')
      .selectAll()
      .where('key', 'in', names.map(changedKeyOf))
      .execute();
    const changed = new Map(rows.map(({ key, value }) => [key, Number(value)]));
    for (const name of names) this.#core.settings[name] = changed.get(changedKeyOf(name)) ?? this.#atStart[name];
  }

  /** For administrators. Throws `invalid` (`out_of_range`) for a number that is out of its bounds or not whole. */
  async set(subject: Subject, name: ChangeableSetting, value: number): Promise<void> {
    requireAdmin(subject, 'change_settings');
    const { least, most } = changeableSettings[name];
    if (!Number.isSafeInteger(value) || value < least || value > most) {
      throw new CloudError('invalid', `${name} must be a whole number from ${least} to ${most}`, {
        reason: 'out_of_range',
      });
    }
    await this.#core.db.write(async (tx) => {
      const row = { key: changedKeyOf(name), value: String(value) };
      const insert = tx.insertInto('settings').values(row);
      await insert.onConflict((known) => known.column('key').doUpdateSet({ value: row.value })).execute();
      if (name === 'cpuRatio') await setCpuRatios(this.#core.db, tx, value);
    });
    this.#core.settings[name] = value;
  }

  /** Forgets every change. For administrators. */
  async reset(subject: Subject): Promise<void> {
    requireAdmin(subject, 'change_settings');
    await this.#core.db.write(async (tx) => {
      await tx.deleteFrom('settings').where('key', 'in', names.map(changedKeyOf)).execute();
      await setCpuRatios(this.#core.db, tx, this.#atStart.cpuRatio);
    });
    for (const name of names) this.#core.settings[name] = this.#atStart[name];
  }
}
