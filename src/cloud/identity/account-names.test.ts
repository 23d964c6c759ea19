import { expect, it, vi } from 'vitest';
import { untilBlocked } from '../../../tests/support/held-writes.ts';
import { eachIdentity, password, root } from './accounts.fixture.ts';

eachIdentity('names of accounts', (open) => {
  async function setUp() {
    const made = await open();
    const { identity } = made;
    const { project, user, subject: alice } = await made.account('alice');
    const { id: dev } = await identity.accountUsers.create(alice, { name: 'dev', passwordSha512: password });
    const names = async () => ({
      project: (await identity.projects.find(project.id))?.name,
      user: (await identity.users.find(user.id))?.user.name,
      dev: (await identity.users.find(dev))?.user.name,
    });
    /** Whether account and user sign in by these names, and who they are then. */
    const signIn = async (account: string, name = 'dev') => {
      const own = await identity.sessions.openSession(account, password);
      const theirs = await identity.sessions.openUserSession({ name: account }, name, password);
      return { isAccount: own.isAccount, projectId: own.projectId, userId: own.userId, dev: theirs.userId };
    };
    const same = { isAccount: true, projectId: project.id, userId: user.id, dev };
    return { ...made, project, user, dev, alice, names, signIn, same };
  }

  it('are those of its project, its user and, in front, of the users whom it made', async () => {
    const { identity, project, names, signIn, same, alice, dev } = await setUp();
    await identity.updateAccount(root, project.id, { name: 'anna', description: 'd' });
    expect(await names()).toEqual({ project: 'anna', user: 'anna', dev: 'anna/dev' });
    expect(await signIn('anna')).toEqual(same);
    await expect(identity.sessions.openSession('alice', password)).rejects.toMatchObject({ code: 'unauthenticated' });
    await identity.accountUsers.update(alice, dev, { name: 'ops' });
    expect(await names()).toMatchObject({ dev: 'anna/ops' });
    expect(await signIn('anna', 'ops')).toEqual(same);
  });

  it('are taken as a whole, or not at all', async () => {
    const { identity, project, names } = await setUp();
    await identity.users.create(root, { name: 'bob' });
    await identity.projects.create(root, { name: 'carol' });
    await identity.users.create(root, { name: 'dave/dev' });
    for (const name of ['bob', 'carol', 'dave']) {
      const taken = identity.updateAccount(root, project.id, { name });
      await expect(taken).rejects.toMatchObject({ code: 'duplicate' });
    }
    expect(await names()).toEqual({ project: 'alice', user: 'alice', dev: 'alice/dev' });
  });

  it('stand for the same account after its project or its user alone was renamed', async () => {
    const { identity, project, user, names, signIn, same } = await setUp();
    await identity.projects.update(root, project.id, { name: 'shop' });
    expect(await names()).toEqual({ project: 'shop', user: 'alice', dev: 'shop/dev' });
    expect(await signIn('shop')).toEqual(same);
    // Whoever is called so later is somebody else.
    const { id } = await identity.users.create(root, { name: 'shop', passwordSha512: password });
    const role = (await identity.roles.list({ name: 'member' }))[0]!;
    await identity.assignments.grant(root, {
      userId: id,
      roleId: role.id,
      target: { kind: 'project', id: project.id },
    });
    expect(await identity.ownerOf(project.id)).toBe(user.id);
    await identity.users.delete(root, id);
    await identity.users.update(root, user.id, { name: 'keeper' });
    expect(await signIn('shop')).toEqual(same);
    await identity.updateAccount(root, project.id, { name: 'store' });
    expect(await names()).toEqual({ project: 'store', user: 'store', dev: 'store/dev' });
    expect(await signIn('store')).toEqual(same);
    await identity.users.update(root, user.id, { name: 'first' });
    expect(await signIn('store')).toEqual(same);
  });

  it('are those of users, too, whom it makes while it is renamed', async () => {
    const { identity, project, alice, db } = await setUp();
    const real = identity.users.createIn.bind(identity.users);
    let renamed: Promise<void> | undefined;
    vi.spyOn(identity.users, 'createIn').mockImplementationOnce(async (tx, ...given) => {
      renamed = identity.updateAccount(root, project.id, { name: 'anna' });
      // With SQLite the one waits for the other as a whole.
      if (db.kind === 'postgres') await Promise.race([renamed, untilBlocked(db)]);
      return await real(tx, ...given);
    });
    const { id } = await identity.accountUsers.create(alice, { name: 'ops', passwordSha512: password });
    await renamed;
    expect((await identity.users.find(id))?.user.name).toBe('anna/ops');
  });

  it('stay in front of those of its users', async () => {
    const { identity, dev, names, signIn, same, db } = await setUp();
    for (const name of ['dev', 'alice', 'alice/', 'bob/dev']) {
      const wrong = { code: 'invalid', details: { field: 'name' } };
      await expect(identity.users.update(root, dev, { name })).rejects.toMatchObject(wrong);
    }
    await identity.users.update(root, dev, { name: 'alice/ops' });
    expect(await names()).toMatchObject({ dev: 'alice/ops' });
    expect(await signIn('alice', 'ops')).toEqual(same);
    const row = await db.read.selectFrom('account_users').select('name').executeTakeFirst();
    expect(row?.name).toBe('ops');
  });

  it('are no longer than Keystone’s, with those of its users', async () => {
    const { identity, project, names } = await setUp();
    const long = identity.updateAccount(root, project.id, { name: 'a'.repeat(252) });
    await expect(long).rejects.toMatchObject({ code: 'invalid', details: { field: 'name' } });
    expect(await names()).toMatchObject({ user: 'alice' });
    await identity.updateAccount(root, project.id, { name: 'a'.repeat(251) });
  });

  it('are told by sessions that were open before', async () => {
    const { identity, project, user, dev } = await setUp();
    const { id } = await identity.sessions.openSession('alice', password);
    const other = await identity.sessions.openUserSession({ name: 'alice' }, 'dev', password);
    await identity.updateAccount(root, project.id, { name: 'anna' });
    const [mine, theirs] = [
      await identity.sessions.sessionSubject(id, 'r'),
      await identity.sessions.sessionSubject(other.id, 'r'),
    ];
    expect(mine).toMatchObject({ userId: user.id, userName: 'anna', projectName: 'anna' });
    expect(theirs).toMatchObject({ userId: dev, userName: 'anna/dev', projectName: 'anna' });
  });

  it('go with the account, all of them at once', async () => {
    const { identity, project, user, dev, db } = await setUp();
    await identity.users.update(root, user.id, { name: 'keeper' });
    await identity.deleteAccount(root, project.id);
    await identity.deleteAccount(root, project.id);
    expect(await identity.projects.find(project.id)).toBeUndefined();
    expect(await identity.users.find(user.id)).toBeUndefined();
    expect(await identity.users.find(dev)).toBeUndefined();
    expect(await db.read.selectFrom('account_owners').selectAll().execute()).toEqual([]);
    await expect(identity.deleteAccount(root, root.projectId!)).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('are no reason to take a user for an account of which they are no part', async () => {
    const { identity } = await open();
    const project = await identity.projects.create(root, { name: 'bob' });
    const { id } = await identity.users.create(root, { name: 'bob', passwordSha512: password });
    expect(await identity.ownerOf(project.id)).toBeUndefined();
    const change = identity.updateAccount(root, project.id, { name: 'robert', passwordSha512: 'f'.repeat(128) });
    await expect(change).rejects.toMatchObject({ code: 'not_found' });
    // By a role of their own they are, and by one of their group.
    const group = await identity.groups.create(root, { name: 'crew' });
    await identity.groups.add(root, group.id, id);
    const role = (await identity.roles.list({ name: 'member' }))[0]!;
    const target = { kind: 'project', id: project.id } as const;
    for (const who of [{ groupId: group.id }, { userId: id }]) {
      await identity.assignments.grant(root, { ...who, roleId: role.id, target });
      expect(await identity.ownerOf(project.id)).toBe(id);
      await identity.assignments.revoke(root, { ...who, roleId: role.id, target });
    }
    await identity.deleteAccount(root, project.id);
    expect((await identity.users.find(id))?.user.name).toBe('bob');
  });
});
