import { expect, it, vi } from 'vitest';
import { eachIdentity, password, root } from './accounts.fixture.ts';
import { type Identity, openIdentity } from './identity.ts';

const action = 'org.zstack.header.image.APIAddImageMsg';

eachIdentity('sessions of users of accounts', (open, kind) => {
  async function setUp() {
    const made = await open();
    const { identity } = made;
    const { project, user, subject: alice } = await made.account('alice');
    const { id: dev } = await identity.accountUsers.create(alice, { name: 'dev', passwordSha512: password });
    const statements = [{ effect: 'Allow' as const, actions: [action] }];
    const policy = await identity.accountPolicies.create(alice, { name: 'images', statements });
    const session = await identity.sessions.openUserSession({ name: 'alice' }, 'dev', password);
    const policies = async (at: Identity = identity) => {
      const subject = await at.sessions.sessionSubject(session.id, 'r');
      return subject?.statements?.map(({ policy: { name } }) => name);
    };
    return { ...made, project, user, alice, dev, policy, session, policies };
  }

  it('are looked up in memory, and read anew for the next request after each change', async () => {
    const { identity, alice, dev, policy, session, policies, db } = await setUp();
    const { accountPolicies, accountGroups } = identity;
    expect(await policies()).toEqual([]);
    const read = vi.spyOn(accountPolicies, 'statementsOf');
    const first = identity.sessions.sessionSubject(session.id, 'one');
    // No promise: nothing was asked of the database.
    expect(first).toMatchObject({ userId: dev, requestId: 'one', statements: [] });
    expect(read).not.toHaveBeenCalled();

    await accountPolicies.attachToUser(alice, dev, [policy.id]);
    expect(await policies()).toEqual(['images']);
    expect(read).toHaveBeenCalledTimes(1);
    expect(await policies()).toEqual(['images']);
    expect(read).toHaveBeenCalledTimes(1);
    await accountPolicies.detachFromUser(alice, dev, [policy.id]);
    expect(await policies()).toEqual([]);

    const group = await accountGroups.create(alice, { name: 'builders' });
    await accountPolicies.attachToGroup(alice, group.id, policy.id);
    await accountGroups.add(alice, group.id, dev);
    expect(await policies()).toEqual(['images']);
    await accountGroups.remove(alice, group.id, dev);
    expect(await policies()).toEqual([]);
    await accountGroups.add(alice, group.id, dev);
    expect(await policies()).toEqual(['images']);
    await accountPolicies.detachFromGroup(alice, group.id, policy.id);
    expect(await policies()).toEqual([]);
    await accountPolicies.attachToGroup(alice, group.id, policy.id);
    expect(await policies()).toEqual(['images']);
    await accountGroups.delete(alice, group.id);
    expect(await policies()).toEqual([]);
    await accountPolicies.attachToUser(alice, dev, [policy.id]);
    expect(await policies()).toEqual(['images']);
    await accountPolicies.delete(alice, policy.id);
    expect(await policies()).toEqual([]);

    // What another user of the account is given is none of its business.
    read.mockClear();
    await policies();
    const wanted = { name: 'other', passwordSha512: password };
    const { id: other } = await identity.accountUsers.create(alice, wanted);
    const another = await accountPolicies.create(alice, { name: 'another', statements: [] });
    await accountPolicies.attachToUser(alice, other, [another.id]);
    await policies();
    expect(read).not.toHaveBeenCalled();
    expect(await db.read.selectFrom('sessions').select('id').execute()).toHaveLength(1);
  });

  it('keep nothing that was read while it changed', async () => {
    const { identity, alice, dev, policy, policies } = await setUp();
    const { accountPolicies } = identity;
    const real = accountPolicies.statementsOf.bind(accountPolicies);
    vi.spyOn(accountPolicies, 'statementsOf').mockImplementationOnce(async (userId) => {
      const before = await real(userId);
      await accountPolicies.attachToUser(alice, dev, [policy.id]);
      return before;
    });
    expect(await policies()).toEqual(['images']);
    expect(await policies()).toEqual(['images']);
  });

  it('are not opened by what was read before it changed', async () => {
    const { identity, user, project } = await setUp();
    const real = identity.assignments.effectiveRoles.bind(identity.assignments);
    /** Opens a session of the account while something changes. */
    const openDuring = async (change: () => Promise<unknown>) => {
      vi.spyOn(identity.assignments, 'effectiveRoles').mockImplementationOnce(async (...given) => {
        const before = await real(...given);
        await change();
        return before;
      });
      const { id } = await identity.sessions.openSession('alice', password);
      return await identity.sessions.sessionSubject(id, 'r');
    };
    const renamed = await openDuring(() => identity.projects.update(root, project.id, { name: 'shop' }));
    expect(renamed).toMatchObject({ userName: 'alice', projectName: 'shop' });
    await identity.projects.update(root, project.id, { name: 'alice' });
    expect(await openDuring(() => identity.users.update(root, user.id, { enabled: false }))).toBeUndefined();
  });

  it('end, or stand still, with the account that they are of', async () => {
    const { identity, user, project, dev, session, policies } = await setUp();
    const { sessions } = identity;
    expect(await policies()).toEqual([]);
    // Without the account's user nobody may do anything for it; it is no end.
    await identity.users.update(root, user.id, { enabled: false });
    expect(await policies()).toBeUndefined();
    await identity.users.update(root, user.id, { enabled: true });
    expect(await policies()).toEqual([]);
    const [role] = await identity.roles.list({ name: 'member' });
    const grant = { userId: user.id, roleId: role!.id, target: { kind: 'project', id: project.id } } as const;
    await identity.assignments.revoke(root, grant);
    expect(await policies()).toBeUndefined();
    await identity.assignments.grant(root, grant);
    expect(await policies()).toEqual([]);
    await identity.users.update(root, dev, { enabled: false });
    expect(await sessions.sessionSubject(session.id, 'r')).toBeUndefined();
    await identity.users.update(root, dev, { enabled: true });
    expect(await sessions.sessionSubject(session.id, 'r')).toBeUndefined();
  });

  it.runIf(kind === 'postgres')('are the same in every control plane as soon as it looks', async () => {
    const { core, identity, alice, dev, user, policy, policies } = await setUp();
    const other = await openIdentity(core);
    try {
      expect(await policies(other)).toEqual([]);
      await identity.accountPolicies.attachToUser(alice, dev, [policy.id]);
      await other.refresh();
      expect(await policies(other)).toEqual(['images']);
      const read = vi.spyOn(other.accountPolicies, 'statementsOf');
      await other.refresh();
      expect(await policies(other)).toEqual(['images']);
      expect(read).not.toHaveBeenCalled();
      await other.accountPolicies.delete(alice, policy.id);
      expect(await policies(other)).toEqual([]);
      await identity.refresh();
      expect(await policies()).toEqual([]);
      await identity.users.update(root, user.id, { enabled: false });
      await other.refresh();
      expect(await policies(other)).toBeUndefined();
    } finally {
      other.stop();
    }
  });
});
