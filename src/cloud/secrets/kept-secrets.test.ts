import { sql } from 'kysely';
import { afterEach, describe, expect, it } from 'vitest';
import { eachDatabase, openEmptySqlite } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import { AccessKeys } from '../access-keys/access-keys.ts';
import { operator } from '../identity/subject.ts';
import { testIdentity } from '../identity/test-identity.ts';
import { keepLogin, storeLogin } from '../image-stores/store-logins.ts';
import { isSealedColumn, keepSecretsSealed } from './kept-secrets.ts';
import { SecretsLocked, secretKeysFrom } from './sealing.ts';

const [old, young] = ['a'.repeat(64), 'b'.repeat(64)];
const totp = 'GEZDGNBVGY3TQOJQGEZDGNBVGY';

eachDatabase('secrets in the database', (openDatabase, kind) => {
  let db: Database;
  afterEach(() => db.close());

  /** A process of the control plane, with these keys. */
  async function start(...keys: string[]) {
    const settings = { secretKeys: secretKeysFrom(keys.join('\n')) };
    const { defaultSettings } = await import('../settings.ts');
    const { realEnv } = await import('../../env/real.ts');
    await keepSecretsSealed({ db, env: realEnv(), settings: { ...defaultSettings, ...settings } });
    const { identity, core } = await testIdentity({ db, settings });
    const me = operator();
    const accessKeys = new AccessKeys(core, identity);
    return { core, identity, accessKeys, me };
  }

  const read = async (table: string) =>
    JSON.stringify((await sql`select * from ${sql.table(table)}`.execute(db.read)).rows);

  async function makeAll({ core, identity, accessKeys }: Awaited<ReturnType<typeof start>>) {
    const { users, projects } = identity;
    const found = (await users.findByName('admin', 'default'))!;
    const project = (await projects.findByName('admin', 'default'))!;
    const me = { ...operator(), userId: found.user.id, projectId: project.id };
    const credential = await identity.credentials.create(me, {
      userId: me.userId,
      projectId: null,
      type: 'totp',
      blob: totp,
    });
    const ec2 = await identity.credentials.createEc2(me, me.userId, project.id);
    const key = await accessKeys.create(me, { userId: me.userId, projectId: project.id, secret: 'signs-requests' });
    const store = { id: 'f'.repeat(32), url: 'sftp://images@there/srv' };
    const now = core.env.now();
    await db.write(async (tx) => {
      const row = { ...store, name: 'far', description: null, kind: 'sftp', enabled: 1, status: 'connecting' } as const;
      await tx
        .insertInto('image_stores')
        .values({ ...row, is_default: 0, address: null, created_at: now, updated_at: now })
        .execute();
      await keepLogin(core, tx, store, { password: 'opens-the-store' });
    });
    const consumer = await identity.consumers.create(me, 'program');
    const plain = [totp, ec2.secret, 'signs-requests', 'opens-the-store', consumer.secret];
    return { me, credential, ec2, key, store, plain };
  }

  /** All that is kept, as text. */
  async function kept() {
    const tables = ['credentials', 'access_keys', 'image_store_logins', 'oauth_consumers', 'settings'];
    return (await Promise.all(tables.map(read))).join('\n');
  }

  async function expectReadable(process: Awaited<ReturnType<typeof start>>, made: Awaited<ReturnType<typeof makeAll>>) {
    const { core, identity, accessKeys } = process;
    expect((await identity.credentials.get(made.me, made.credential.id)).blob).toBe(totp);
    expect(await identity.credentials.getEc2(made.me, made.me.userId, made.ec2.access)).toEqual(made.ec2);
    expect(await accessKeys.signerOf(made.key.accessKeyId)).toMatchObject({ secret: 'signs-requests' });
    expect(await storeLogin(core, made.store.id).password()).toBe('opens-the-store');
  }

  it('are encrypted from the first start with a key on, those of before too, and with another key at the next', async () => {
    db = await openDatabase();
    const plain = await start();
    const made = await makeAll(plain);
    const token = await read('settings');
    for (const secret of made.plain) expect(await kept()).toContain(secret);

    const first = await start(old);
    for (const secret of made.plain) expect(await kept()).not.toContain(secret);
    const key = /"identity.token_signing_key","value":"([^"]+)"/.exec(token)![1]!;
    expect(await kept()).not.toContain(key);
    await expectReadable(first, made);
    const before = await kept();
    await start(old);
    expect(await kept()).toBe(before);

    await expectReadable(await start(young, old), made);
    expect(await kept()).not.toContain(`sealed1.${secretKeysFrom(old)[0]!.id}`);
    await expectReadable(await start(young), made);
    for (const keys of [[old], []]) await expect(start(...keys)).rejects.toThrow(SecretsLocked);
    await expectReadable(await start(young), made);
  });

  it('are encrypted when they are made, and are changed so', async () => {
    db = await openDatabase();
    const process = await start(old);
    const made = await makeAll(process);
    for (const secret of made.plain) expect(await kept()).not.toContain(secret);
    await expectReadable(process, made);
    const other = 'MFRGGZDFMZTWQ2LKMFRGGZDFMZ';
    await process.identity.credentials.update(made.me, made.credential.id, { blob: other });
    expect(await kept()).not.toContain(other);
    expect((await process.identity.credentials.get(made.me, made.credential.id)).blob).toBe(other);
    // What is copied to another row is good for nothing there.
    if (kind === 'sqlite') {
      const { id } = await process.identity.credentials.create(made.me, {
        userId: made.me.userId,
        projectId: null,
        type: 'cert',
        blob: 'mine',
      });
      await db.write((tx) =>
        sql`update credentials set blob = (select blob from credentials where id = ${made.credential.id}) where id = ${id}`.execute(
          tx,
        ),
      );
      await expect(process.identity.credentials.get(made.me, id)).rejects.toThrow(SecretsLocked);
    }
  });

  it('are read by those alone who have the key of the first process that had one', async () => {
    db = await openDatabase();
    const outcomes = await Promise.allSettled([start(old), start(young)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});

describe('columns that sound like secrets', () => {
  it('are known, or need no key', async () => {
    const db = await openEmptySqlite();
    const columns = sql<{ table: string; column: string }>`
      select m.name as "table", c.name as "column" from sqlite_master as m, pragma_table_info(m.name) as c
      where m.type = 'table' and (c.name like '%secret%' or c.name like '%password%' or c.name like '%private%' or c.name = 'blob')`;
    const { rows } = await columns.execute(db.read);
    await db.close();
    const unknown = rows.filter(({ table, column }) => !isSealedColumn(table, column));
    const harmless = [
      'application_credentials.secret_hash',
      'former_passwords.password_hash',
      // By the public key of the server's user.
      'guest_passwords.password',
      // Statements about who may do what.
      'policies.blob',
      'users.password_changed_at',
      'users.password_expires_at',
      'users.password_hash',
    ];
    expect(unknown.map(({ table, column }) => `${table}.${column}`).sort()).toEqual(harmless);
  });
});
