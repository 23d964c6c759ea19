import type { Database } from '../../database/database.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { realEnv } from '../../env/real.ts';
import type { CloudCore, Log } from '../core.ts';
import type { Subject } from '../identity/subject.ts';
import { Quotas } from '../quotas/quotas.ts';
import { type CloudSettings, defaultSettings, type QuotaName } from '../settings.ts';
import { Networks } from './networks.ts';

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** The networks of a cloud of its own, in memory where no database is given, for tests. */
export async function testNetworks(settings: Partial<CloudSettings> = {}, database?: Database) {
  const db = database ?? (await openSqlite(':memory:'));
  const core = { env: realEnv(), db, settings: { ...defaultSettings, ...settings }, log: quiet } as CloudCore;
  const quotas = new Quotas(core);
  return { core, db, quotas, networks: new Networks(core, quotas) };
}

export type TestNetworks = Awaited<ReturnType<typeof testNetworks>>;

export const projectA = 'a'.repeat(32);
export const projectB = 'b'.repeat(32);

export function member(projectId: string): Subject {
  const user = { userId: projectId, userName: 'someone', domainId: 'default', requestId: 'req-test' };
  return { ...user, projectId, projectName: 'project', roles: ['member'], isAdmin: false };
}

export const admin: Subject = { ...member('0'.repeat(32)), roles: ['admin'], isAdmin: true };

/** Quotas that never stand in the way. */
export const unlimited = Object.fromEntries(
  Object.keys(defaultSettings.defaultQuotas).map((name) => [name, -1]),
) as Record<QuotaName, number>;
