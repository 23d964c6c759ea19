import type { Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import type { Assignments } from './assignments.ts';
import { adminAccountId, builtInRoles, defaultDomainId } from './model.ts';
import { type Passwords, sha512Hex } from './passwords.ts';
import type { Projects } from './projects.ts';
import type { Roles } from './roles.ts';
import type { Users } from './users.ts';

interface Parts {
  core: CloudCore;
  passwords: Passwords;
  projects: Projects;
  users: Users;
  roles: Roles;
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
  const isFirst = (await users.find(adminAccountId)) === undefined;
  const hash = isFirst ? await passwords.hash(sha512Hex(adminPassword)) : undefined;
  await core.db.write(async (tx) => {
    await tx
      .insertInto('domains')
      .values({ id: defaultDomainId, name: 'Default', description: 'The default domain', enabled: 1 })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const adminRoleId = await ensureRoles(tx, parts.roles);
    const project = await tx.selectFrom('projects').select('id').where('id', '=', adminAccountId).executeTakeFirst();
    if (!project) {
      await projects.createIn(tx, {
        id: adminAccountId,
        name: 'admin',
        description: 'The project of the cloud itself',
      });
    }
    const user = await tx.selectFrom('users').select('id').where('id', '=', adminAccountId).executeTakeFirst();
    if (user) return;
    const admin = { id: adminAccountId, name: 'admin', description: "The cloud's first administrator" };
    await users.createIn(tx, { ...admin, defaultProjectId: adminAccountId }, hash);
    const assignment = { userId: adminAccountId, roleId: adminRoleId };
    await parts.assignments.grantIn(tx, { ...assignment, target: { kind: 'project', id: adminAccountId } });
    await parts.assignments.grantIn(tx, { ...assignment, target: { kind: 'domain', id: defaultDomainId } });
    await parts.assignments.grantIn(tx, { ...assignment, target: { kind: 'system' } });
  });
}

/** The id of the role admin. */
async function ensureRoles(tx: Tx, roles: Roles): Promise<string> {
  const known = await tx.selectFrom('roles').select(['id', 'name']).execute();
  for (const name of builtInRoles) {
    if (known.some((role) => role.name === name)) continue;
    known.push(await roles.createIn(tx, { name, description: roleDescriptions[name] }));
  }
  return known.find((role) => role.name === 'admin')!.id;
}
