import { afterEach, describe, expect, test } from 'vitest';
import { openIdentity } from './identity.ts';
import { adminAccountId } from './model.ts';
import { sha512Hex } from './passwords.ts';
import { operator, type Subject } from './subject.ts';
import { adminPassword, testIdentity } from './test-identity.ts';

type Test = Awaited<ReturnType<typeof testIdentity>>;
const open: Test[] = [];

async function setUp(options?: Parameters<typeof testIdentity>[0]): Promise<Test> {
  const made = await testIdentity(options);
  open.push(made);
  return made;
}

afterEach(async () => {
  for (const { identity, db } of open.splice(0)) {
    identity.stop();
    await db.close();
  }
});

const root = operator();

function passwordOf(name: string, password: string) {
  return { method: 'password' as const, user: { name, domain: { id: 'default' } }, password };
}

const unauthenticated = expect.objectContaining({ code: 'unauthenticated' });

describe('bootstrap', () => {
  test('makes the administrator, once; a second start changes nothing', async () => {
    const { identity } = await setUp();
    const before = (await identity.users.find(adminAccountId))!.passwordHash;
    await identity.bootstrap({ adminPassword: 'another' });
    expect((await identity.users.find(adminAccountId))!.passwordHash).toBe(before);
    expect((await identity.roles.list()).map(({ name }) => name)).toEqual([
      'admin',
      'manager',
      'member',
      'reader',
      'service',
    ]);
    const { claims } = await identity.authentication.authenticate(passwordOf('admin', adminPassword));
    expect(claims.scope).toMatchObject({ kind: 'project', id: adminAccountId });
    expect(claims.roles).toEqual(['admin', 'manager', 'member', 'reader']);
  });
});

describe('tokens', () => {
  test('say who asks, without a database', async () => {
    const { identity } = await setUp();
    const { token } = await identity.authentication.authenticate(passwordOf('admin', adminPassword));
    const subject = identity.subjectOf(token, 'req-1');
    expect(subject).toMatchObject({
      userId: adminAccountId,
      projectId: adminAccountId,
      projectName: 'admin',
      domainId: 'default',
      isAdmin: true,
      requestId: 'req-1',
    });
    expect(identity.subjectOf(token, 'req-2').requestId).toBe('req-2');
  });

  test('every wrong way in fails in the same words', async () => {
    const { identity } = await setUp();
    await identity.createAccount(root, { name: 'hanako', passwordSha512: sha512Hex('pw') });
    const { authentication } = identity;
    await expect(authentication.authenticate(passwordOf('admin', 'wrong'))).rejects.toEqual(unauthenticated);
    await expect(authentication.authenticate(passwordOf('nobody', 'wrong'))).rejects.toEqual(unauthenticated);
    await expect(authentication.authenticate({ method: 'token', token: 'forged' })).rejects.toMatchObject({
      code: 'not_found',
    });
    const elsewhere = { kind: 'project', project: { id: adminAccountId } } as const;
    await expect(authentication.authenticate(passwordOf('hanako', 'pw'), elsewhere)).rejects.toEqual(unauthenticated);
    await expect(authentication.authenticate(passwordOf('hanako', 'pw'), { kind: 'system' })).rejects.toEqual(
      unauthenticated,
    );
  });

  test('expire, and one made from another expires with it', async () => {
    const { identity, env } = await setUp({ settings: { tokenLifetime: 100 } });
    const first = await identity.authentication.authenticate(passwordOf('admin', adminPassword));
    env.advance(60);
    const proof = { method: 'token', token: first.token } as const;
    const second = await identity.authentication.authenticate(proof, { kind: 'system' });
    expect(second.claims.expiresAt).toBe(first.claims.expiresAt);
    expect(second.claims.auditIds.at(-1)).toBe(first.claims.auditIds[0]);
    expect(second.claims.methods).toEqual(['token', 'password']);
    env.advance(60);
    expect(() => identity.subjectOf(first.token, '')).toThrow(unauthenticated);
    expect(() => identity.subjectOf(second.token, '')).toThrow(unauthenticated);
  });

  test('a default project that was disabled gives an unscoped token', async () => {
    const { identity } = await setUp();
    const { project } = await identity.createAccount(root, { name: 'hanako', passwordSha512: sha512Hex('pw') });
    await identity.projects.update(root, project.id, { enabled: false });
    const { claims } = await identity.authentication.authenticate(passwordOf('hanako', 'pw'));
    expect(claims.scope).toEqual({ kind: 'unscoped' });
    expect(claims.roles).toEqual([]);
  });
});

describe('revocation', () => {
  const changes: Record<
    string,
    (test: Test, ids: { user: string; project: string; role: string }) => Promise<unknown>
  > = {
    'of a new password': ({ identity }, { user }) =>
      identity.users.update(root, user, { passwordSha512: sha512Hex('new') }),
    'of a password that the user changed': ({ identity }, { user }) =>
      identity.users.changePassword(user, sha512Hex('pw'), sha512Hex('new')),
    'of disabling the user': ({ identity }, { user }) => identity.users.update(root, user, { enabled: false }),
    'of deleting the user': ({ identity }, { user }) => identity.users.delete(root, user),
    'of taking a role': ({ identity }, { user, project, role }) =>
      identity.assignments.revoke(root, { userId: user, roleId: role, target: { kind: 'project', id: project } }),
    'of disabling the project': ({ identity }, { project }) =>
      identity.projects.update(root, project, { enabled: false }),
    'of deleting the project': ({ identity }, { project }) => identity.projects.delete(root, project),
  };

  test.each(Object.entries(changes))('because %s ends token and session, also after a restart', async (_, change) => {
    const made = await setUp();
    const { identity, core } = made;
    const { user, project } = await identity.createAccount(root, { name: 'hanako', passwordSha512: sha512Hex('pw') });
    const role = (await identity.roles.list({ name: 'member' }))[0]!;
    const { token } = await identity.authentication.authenticate(passwordOf('hanako', 'pw'));
    const session = await identity.sessions.openSession('hanako', sha512Hex('pw'));
    const other = await identity.authentication.authenticate(passwordOf('admin', adminPassword));
    expect(identity.subjectOf(token, '').userId).toBe(user.id);
    await change(made, { user: user.id, project: project.id, role: role.id });
    expect(() => identity.subjectOf(token, '')).toThrow(unauthenticated);
    expect(await identity.sessions.sessionSubject(session.id, '')).toBeUndefined();
    expect(identity.subjectOf(other.token, '').isAdmin).toBe(true);
    const restarted = await openIdentity(core);
    expect(() => restarted.subjectOf(token, '')).toThrow(unauthenticated);
    expect(await restarted.sessions.sessionSubject(session.id, '')).toBeUndefined();
    expect(restarted.subjectOf(other.token, '').isAdmin).toBe(true);
  });

  test('of one token leaves the others of the user', async () => {
    const { identity } = await setUp();
    const one = await identity.authentication.authenticate(passwordOf('admin', adminPassword));
    const two = await identity.authentication.authenticate(passwordOf('admin', adminPassword));
    await identity.revokeToken(one.claims.auditIds[0]!);
    expect(() => identity.subjectOf(one.token, '')).toThrow(unauthenticated);
    expect(identity.subjectOf(two.token, '').isAdmin).toBe(true);
  });

  test('a token that is issued after a change is good', async () => {
    const { identity } = await setUp();
    await identity.users.update(root, adminAccountId, { passwordSha512: sha512Hex('new') });
    const { token } = await identity.authentication.authenticate(passwordOf('admin', 'new'));
    expect(identity.subjectOf(token, '').isAdmin).toBe(true);
  });

  test('reaches another process as it reads the table again', async () => {
    const { identity, core, db } = await setUp();
    const reading = { ...core, db: { ...passOn(db), kind: 'postgres' as const } };
    const other = await openIdentity(reading);
    other.start();
    const { token, claims } = await identity.authentication.authenticate(passwordOf('admin', adminPassword));
    expect(other.subjectOf(token, '').isAdmin).toBe(true);
    await identity.revokeToken(claims.auditIds[0]!);
    (core.env as Test['env']).tick();
    await expect.poll(() => other.tokens.claimsOf(token)).toBeUndefined();
    other.stop();
    expect((core.env as Test['env']).timers.size).toBe(0);
  });
});

function passOn(db: Test['db']) {
  return {
    read: db.read,
    write: db.write.bind(db),
    prepare: db.prepare.bind(db),
    versionOf: () => undefined,
    close: db.close.bind(db),
  };
}

describe('assignments', () => {
  test('an effective list has what roles imply', async () => {
    const { identity } = await setUp();
    const { user, project } = await identity.createAccount(root, { name: 'hanako', passwordSha512: sha512Hex('pw') });
    expect(await identity.assignments.list(root, { userId: user.id })).toHaveLength(1);
    const effective = await identity.assignments.list(root, { userId: user.id }, true);
    expect(effective).toHaveLength(2);
    expect(effective.every(({ target }) => target.kind === 'project' && target.id === project.id)).toBe(true);
  });

  test('users see their own, not those of others', async () => {
    const { identity } = await setUp();
    const { user } = await identity.createAccount(root, { name: 'hanako', passwordSha512: sha512Hex('pw') });
    const subject: Subject = { ...root, userId: user.id, isAdmin: false, roles: ['member'] };
    expect(await identity.assignments.list(subject, { userId: user.id })).toHaveLength(1);
    const forbidden = expect.objectContaining({ code: 'forbidden' });
    await expect(identity.assignments.list(subject, {})).rejects.toEqual(forbidden);
  });

  test('nothing is given to, of or on what is not there', async () => {
    const { identity } = await setUp();
    const role = (await identity.roles.list({ name: 'member' }))[0]!;
    const missing = expect.objectContaining({ code: 'not_found' });
    const good = { userId: adminAccountId, roleId: role.id, target: { kind: 'project', id: adminAccountId } } as const;
    await expect(identity.assignments.grant(root, { ...good, userId: 'x' })).rejects.toEqual(missing);
    await expect(identity.assignments.grant(root, { ...good, roleId: 'x' })).rejects.toEqual(missing);
    const nowhere = { kind: 'project', id: 'x' } as const;
    await expect(identity.assignments.grant(root, { ...good, target: nowhere })).rejects.toEqual(missing);
    await expect(identity.assignments.check(root, good)).rejects.toEqual(missing);
    await identity.assignments.grant(root, good);
    await identity.assignments.grant(root, good);
    await identity.assignments.check(root, good);
  });
});

describe('domains', () => {
  test('a deleted one takes its users, projects and their tokens along', async () => {
    const { identity } = await setUp();
    const domain = await identity.domains.create(root, { name: 'partners' });
    const project = await identity.projects.create(root, { name: 'web', domainId: domain.id });
    const user = await identity.users.create(root, {
      name: 'taro',
      domainId: domain.id,
      passwordSha512: sha512Hex('pw'),
      defaultProjectId: project.id,
    });
    const role = (await identity.roles.list({ name: 'member' }))[0]!;
    const target = { kind: 'project', id: project.id } as const;
    await identity.assignments.grant(root, { userId: user.id, roleId: role.id, target });
    const proof = { method: 'password', user: { name: 'taro', domain: { name: 'partners' } }, password: 'pw' } as const;
    const { token } = await identity.authentication.authenticate(proof);
    const forbidden = expect.objectContaining({ code: 'forbidden' });
    await expect(identity.domains.delete(root, domain.id)).rejects.toEqual(forbidden);
    await identity.domains.update(root, domain.id, { enabled: false });
    expect(() => identity.subjectOf(token, '')).toThrow(unauthenticated);
    await expect(identity.authentication.authenticate(proof)).rejects.toEqual(unauthenticated);
    await identity.domains.delete(root, domain.id);
    expect(await identity.users.find(user.id)).toBeUndefined();
    expect(await identity.projects.find(project.id)).toBeUndefined();
  });
});

describe('accounts', () => {
  test('are whole or not at all', async () => {
    const { identity } = await setUp();
    await identity.users.create(root, { name: 'taken' });
    const duplicate = expect.objectContaining({ code: 'duplicate' });
    const wanted = { name: 'taken', passwordSha512: sha512Hex('pw') };
    await expect(identity.createAccount(root, wanted)).rejects.toEqual(duplicate);
    expect(await identity.projects.findByName('taken', 'default')).toBeUndefined();
  });

  test('only administrators make them', async () => {
    const { identity } = await setUp();
    const member: Subject = { ...root, isAdmin: false, roles: ['member'] };
    const forbidden = expect.objectContaining({ code: 'forbidden' });
    const wanted = { name: 'x', passwordSha512: sha512Hex('pw') };
    await expect(identity.createAccount(member, wanted)).rejects.toEqual(forbidden);
  });
});
