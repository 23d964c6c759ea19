import type { Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import type { Assignments } from './assignments.ts';
import { adminAccountId, builtInRoleIds, builtInRoles, defaultDomainId, serviceRole } from './model.ts';
import { type Passwords, sha512Hex } from './passwords.ts';
import type { Projects } from './projects.ts';
import type { Users } from './users.ts';

interface Parts {
  core: CloudCore;
  passwords: Passwords;
  projects: Projects;
  users: Users;
  assignments: Assignments;
}

const roleDescriptions: Record<(typeof builtInRoles)[number], string> = {
  admin: 'May do everything, everywhere.',
  manager: 'May do what a member may, and manage the members of the project.',
  member: 'May use and change what belongs to the project.',
  reader: 'May look at what belongs to the project.',
};

/**
 * Makes what every cloud begins with: the default domain, the built-in roles, and the administrator's project and user.
 * Runs on each start: what is there stays as it is, the password too.
 */
export async function bootstrap(parts: Parts, { adminPassword }: { adminPassword: string }): Promise<void> {
  const { core, users, projects, passwords } = parts;
  if (await users.find(adminAccountId)) return await ensureServiceRole(core);
  const hash = await passwords.hash(sha512Hex(adminPassword));
  await core.db.write(async (tx) => {
    await ensureDomain(tx);
    await ensureRoles(tx);
    // Another control plane process may have come first: the one that makes the project makes the rest too.
    const project = await tx.selectFrom('projects').select('id').where('id', '=', adminAccountId).executeTakeFirst();
    if (project) return;
    await projects.createIn(tx, { id: adminAccountId, name: 'admin', description: 'The project of the cloud itself' });
    const admin = { id: adminAccountId, name: 'admin', description: "The cloud's first administrator" };
    await users.createIn(tx, { ...admin, defaultProjectId: adminAccountId }, hash);
    const assignment = { userId: adminAccountId, roleId: builtInRoleIds.admin };
    await parts.assignments.grantIn(tx, { ...assignment, target: { kind: 'project', id: adminAccountId } });
    await parts.assignments.grantIn(tx, { ...assignment, target: { kind: 'domain', id: defaultDomainId } });
    await parts.assignments.grantIn(tx, { ...assignment, target: { kind: 'system' } });
  });
}

/** On PostgreSQL the conflict makes a second process wait here for the first one's commit. */
async function ensureDomain(tx: Tx): Promise<void> {
  await tx
    .insertInto('domains')
    .values({
      id: defaultDomainId,
      name: 'Default',
      description: 'The default domain',
      enabled: 1,
      tags: '[]',
      options: '{}',
      extra: '{}',
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

async function ensureRoles(tx: Tx): Promise<void> {
  const builtIn = builtInRoles.map((name) => ({ id: builtInRoleIds[name], name, description: roleDescriptions[name] }));
  const rows = [...builtIn, { ...serviceRole, description: 'What services may do towards each other.' }];
  await tx
    .insertInto('roles')
    .values(rows.map((row) => ({ ...row, domain_id: '', options: '{"immutable":true}', extra: '{}' })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Clouds of earlier versions began without it. Where somebody has made a role of that name, theirs stays. */
async function ensureServiceRole(core: CloudCore): Promise<void> {
  const { name } = serviceRole;
  const there = core.db.read.selectFrom('roles').select('id').where('name', '=', name).where('domain_id', '=', '');
  if (!(await there.executeTakeFirst())) await core.db.write(ensureRoles);
}
