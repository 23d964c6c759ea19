import { expect, it } from 'vitest';
import { eachIdentity, root } from './accounts.fixture.ts';
import { sha512Hex } from './passwords.ts';

const image = 'org.zstack.header.image.APIAddImageMsg';

eachIdentity('users of accounts', (open) => {
  it('have what their policies and those of their groups say, until these go', async () => {
    const { identity, account } = await open();
    const { accountUsers, accountGroups, accountPolicies } = identity;
    const { subject: alice } = await account('alice');
    const { id } = await accountUsers.create(alice, { name: 'dev', passwordSha512: sha512Hex('x') });
    const own = await accountPolicies.create(alice, {
      name: 'own',
      statements: [{ effect: 'Allow', actions: [image] }],
    });
    const statements = [{ effect: 'Deny' as const, actions: ['**'] }];
    const theirs = await accountPolicies.create(alice, { name: 'theirs', statements });
    const group = await accountGroups.create(alice, { name: 'group' });
    await accountPolicies.attachToUser(alice, id, [own.id]);
    await accountPolicies.attachToUser(alice, id, [own.id]);
    await accountPolicies.attachToGroup(alice, group.id, theirs.id);
    await accountGroups.add(alice, group.id, id);
    const names = async () => (await accountPolicies.statementsOf(id)).map(({ policy }) => policy.name).toSorted();
    expect(await names()).toEqual(['own', 'theirs']);
    const { id: session, isAccount } = await identity.sessions.openUserSession(
      { name: 'alice' },
      'dev',
      sha512Hex('x'),
    );
    expect(isAccount).toBe(false);
    expect(await identity.sessions.sessionSubject(session, 'r')).toMatchObject({
      userId: id,
      roles: ['member', 'reader'],
    });
    await accountGroups.delete(alice, group.id);
    expect(await names()).toEqual(['own']);
    await accountPolicies.delete(alice, own.id);
    expect((await identity.sessions.sessionSubject(session, 'r'))?.statements).toEqual([]);
  });

  it('are out of reach of other accounts, and take all of it along when they go', async () => {
    const { identity, db, account } = await open();
    const { accountUsers, accountGroups, accountPolicies } = identity;
    const [{ subject: alice }, { subject: bob }] = [await account('alice'), await account('bob')];
    const wanted = { name: 'dev', passwordSha512: sha512Hex('x') };
    const { id } = await accountUsers.create(alice, wanted);
    const group = await accountGroups.create(alice, { name: 'group' });
    const foreign = await accountPolicies.create(bob, { name: 'p', statements: [] });
    const missing = { code: 'not_found' };
    await expect(accountUsers.update(bob, id, { name: 'x' })).rejects.toMatchObject(missing);
    await expect(accountUsers.delete(bob, id)).rejects.toMatchObject(missing);
    await expect(accountGroups.add(bob, group.id, id)).rejects.toMatchObject(missing);
    await expect(accountPolicies.attachToUser(bob, id, [foreign.id])).rejects.toMatchObject(missing);
    // Not even an administrator mixes accounts.
    await expect(accountPolicies.attachToUser(root, id, [foreign.id])).rejects.toMatchObject(missing);
    await expect(accountPolicies.attachToGroup(root, group.id, foreign.id)).rejects.toMatchObject(missing);
    await expect(accountUsers.create(alice, wanted)).rejects.toMatchObject({ code: 'duplicate' });
    await accountUsers.create(bob, wanted);

    await accountGroups.add(alice, group.id, id);
    await identity.users.delete(root, id);
    expect(await db.read.selectFrom('account_users').select('name').where('user_id', '=', id).execute()).toEqual([]);
    expect(await db.read.selectFrom('account_group_members').selectAll().execute()).toEqual([]);
    await identity.projects.delete(root, alice.projectId!);
    expect(await db.read.selectFrom('account_groups').selectAll().execute()).toEqual([]);
    await db.write((tx) => accountUsers.deleteAllIn(tx, bob.projectId!));
    expect(await db.read.selectFrom('account_users').selectAll().execute()).toEqual([]);
  });
});
