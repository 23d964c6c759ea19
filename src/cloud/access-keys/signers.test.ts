import { afterEach, beforeEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { type Identity, openIdentity } from '../identity/identity.ts';
import { sha512Hex } from '../identity/passwords.ts';
import { operator } from '../identity/subject.ts';
import { testIdentity } from '../identity/test-identity.ts';
import { AccessKeys } from './access-keys.ts';

const root = operator();

eachDatabase('who signs by an access key', (open, kind) => {
  let made: Awaited<ReturnType<typeof testIdentity>>;
  let identity: Identity;
  let keys: AccessKeys;
  let account: { userId: string; projectId: string };
  let keyId: string;
  let id: string;

  beforeEach(async () => {
    made = await testIdentity({ db: await open() });
    ({ identity } = made);
    keys = new AccessKeys(made.core, identity);
    const { user, project } = await identity.createAccount(root, { name: 'shop', passwordSha512: sha512Hex('pw') });
    account = { userId: user.id, projectId: project.id };
    ({ accessKeyId: keyId, id } = await keys.create(root, account));
  });
  afterEach(async () => {
    identity.stop();
    await made.db.close();
  });

  it('is read once, and then found in memory', async () => {
    const first = await keys.signerOf(keyId);
    expect(first).toMatchObject({ secret: expect.any(String), subject: { ...account, isAdmin: false } });
    // Not even a promise of it.
    expect(keys.signerOf(keyId)).toEqual(first);
    expect(await keys.signerOf('nobody')).toBeUndefined();
  });

  it('is nobody as soon as the key is disabled or deleted', async () => {
    await keys.signerOf(keyId);
    await keys.setEnabled(root, id, false);
    expect(await keys.signerOf(keyId)).toBeUndefined();
    await keys.setEnabled(root, id, true);
    expect(await keys.signerOf(keyId)).toBeDefined();
    await keys.delete(root, id);
    expect(await keys.signerOf(keyId)).toBeUndefined();
  });

  it('is who the account is now: its name, and nobody once it is disabled', async () => {
    await keys.signerOf(keyId);
    await identity.users.update(root, account.userId, { name: 'store' });
    expect(await keys.signerOf(keyId)).toMatchObject({ subject: { userName: 'store' } });
    await identity.users.update(root, account.userId, { enabled: false });
    expect(await keys.signerOf(keyId)).toBeUndefined();
  });

  it('has no role any more once it is taken', async () => {
    const role = (await identity.roles.list({ name: 'member' }))[0]!;
    const target = { kind: 'project', id: account.projectId } as const;
    await keys.signerOf(keyId);
    await identity.assignments.revoke(root, { userId: account.userId, roleId: role.id, target });
    expect(await keys.signerOf(keyId)).toBeUndefined();
  });

  it.runIf(kind === 'postgres')('is learnt from other processes within two seconds', async () => {
    const others = new AccessKeys(made.core, await openIdentity(made.core));
    await keys.signerOf(keyId);
    await others.setEnabled(root, id, false);
    made.env.advance(2);
    expect(await keys.signerOf(keyId)).toBeUndefined();
  });

  it('is not kept where it changed while it was read', async () => {
    const reading = keys.signerOf(keyId);
    await keys.setEnabled(root, id, false);
    await reading;
    expect(await keys.signerOf(keyId)).toBeUndefined();
  });
});
