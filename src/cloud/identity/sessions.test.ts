import { afterEach, describe, expect, test } from 'vitest';
import { openIdentity } from './identity.ts';
import { adminAccountId } from './model.ts';
import { sha512Hex } from './passwords.ts';
import { operator } from './subject.ts';
import { adminPassword, testIdentity } from './test-identity.ts';

type Test = Awaited<ReturnType<typeof testIdentity>>;
let made: Test | undefined;

async function setUp(): Promise<Test> {
  made = await testIdentity();
  return made;
}

afterEach(async () => {
  made?.identity.stop();
  await made?.db.close();
  made = undefined;
});

const wrong = expect.objectContaining({ code: 'unauthenticated', details: { reason: 'wrong_credentials' } });
const expired = expect.objectContaining({ code: 'unauthenticated', details: { reason: 'session_expired' } });

describe('sessions', () => {
  test('open for the right password only', async () => {
    const { identity } = await setUp();
    const session = await identity.sessions.openSession('admin', sha512Hex(adminPassword));
    expect(session).toMatchObject({ userId: adminAccountId, projectId: adminAccountId });
    expect(session.expiresAt - session.createdAt).toBe(7200 * 1_000_000);
    expect(await identity.sessions.sessionSubject(session.id, 'req-1')).toMatchObject({
      isAdmin: true,
      requestId: 'req-1',
    });
    await expect(identity.sessions.openSession('admin', sha512Hex('x'))).rejects.toEqual(wrong);
    await expect(identity.sessions.openSession('nobody', sha512Hex('x'))).rejects.toEqual(wrong);
  });

  test('end on time whether used or not, unless they are renewed', async () => {
    const { identity, env } = await setUp();
    const { id } = await identity.sessions.openSession('admin', sha512Hex(adminPassword));
    env.advance(7000);
    expect(await identity.sessions.isValid(id)).toBe(true);
    await identity.sessions.renew(id, 600);
    env.advance(500);
    expect(await identity.sessions.isValid(id)).toBe(true);
    env.advance(200);
    expect(await identity.sessions.isValid(id)).toBe(false);
    await expect(identity.sessions.renew(id, 600)).rejects.toEqual(expired);
  });

  test('survive a restart; closed ones do not come back', async () => {
    const { identity, core } = await setUp();
    const kept = await identity.sessions.openSession('admin', sha512Hex(adminPassword));
    const closed = await identity.sessions.openSession('admin', sha512Hex(adminPassword));
    await identity.sessions.close(closed.id);
    await identity.sessions.close(closed.id);
    const restarted = await openIdentity(core);
    expect(await restarted.sessions.isValid(kept.id)).toBe(true);
    expect(await restarted.sessions.isValid(closed.id)).toBe(false);
  });

  test('are for other users of an account too', async () => {
    const { identity } = await setUp();
    const root = operator();
    const { project } = await identity.createAccount(root, { name: 'shop', passwordSha512: sha512Hex('pw') });
    const user = await identity.users.create(root, { name: 'clerk', passwordSha512: sha512Hex('pw2') });
    const { sessions } = identity;
    await expect(sessions.openUserSession({ name: 'shop' }, 'clerk', sha512Hex('pw2'))).rejects.toEqual(wrong);
    const role = (await identity.roles.list({ name: 'member' }))[0]!;
    const target = { kind: 'project', id: project.id } as const;
    await identity.assignments.grant(root, { userId: user.id, roleId: role.id, target });
    const session = await sessions.openUserSession({ id: project.id }, 'clerk', sha512Hex('pw2'));
    expect(await sessions.sessionSubject(session.id, '')).toMatchObject({ projectId: project.id, isAdmin: false });
  });

  test('one user has 500 at most', async () => {
    const { identity, db, env } = await setUp();
    const rows = Array.from({ length: 500 }, (_, index) => ({
      id: String(index).padStart(32, '0'),
      user_id: adminAccountId,
      project_id: adminAccountId,
      created_at: env.now(),
      expires_at: env.now() + 1_000_000_000,
      revision: 0,
    }));
    await db.write((tx) => tx.insertInto('sessions').values(rows).execute());
    const tooMany = expect.objectContaining({ code: 'conflict', details: { reason: 'too_many_sessions' } });
    await expect(identity.sessions.openSession('admin', sha512Hex(adminPassword))).rejects.toEqual(tooMany);
    env.advance(1001);
    await identity.sessions.openSession('admin', sha512Hex(adminPassword));
  });
});
