import { afterEach } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import { sha512Hex } from './passwords.ts';
import { operator, type Subject } from './subject.ts';
import { testIdentity } from './test-identity.ts';

export const root = operator();
/** Of all accounts here, and of the users whom they make. */
export const password = sha512Hex('secret');

type Accounts = Awaited<ReturnType<typeof openAccounts>>;

/** Defines the suite once for each kind of database. `open` gives a bootstrapped identity part, which goes after its test. */
export function eachIdentity(
  name: string,
  suite: (open: () => Promise<Accounts>, kind: Database['kind']) => void,
): void {
  eachDatabase(name, (openDatabase, kind) => {
    const open: Accounts[] = [];
    afterEach(async () => {
      for (const { identity, db } of open.splice(0)) {
        identity.stop();
        await db.close();
      }
    });
    suite(async () => {
      const made = await openAccounts(await openDatabase());
      open.push(made);
      return made;
    }, kind);
  });
}

async function openAccounts(db: Database) {
  const made = await testIdentity({ db });
  /** Makes an account, and says who asks in its name. */
  const account = async (name: string) => {
    const { project, user } = await made.identity.createAccount(root, { name, passwordSha512: password });
    const who = { userId: user.id, userName: name, projectId: project.id };
    const subject: Subject = { ...root, ...who, isAdmin: false, roles: ['member'] };
    return { project, user, subject };
  };
  return { ...made, account };
}
