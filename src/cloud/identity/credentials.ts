import { createHash } from 'node:crypto';
import type { CredentialsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { opened, sealed } from '../secrets/kept-secrets.ts';
import { isRestricted } from './application-credentials.ts';
import { missing } from './failures.ts';
import { mayReadIdentity, requireAdmin, type Subject } from './subject.ts';
import { stepOfPasscode, totpSecret } from './totp.ts';

/** A secret that a user keeps here for other programs. */
export interface Credential {
  id: string;
  userId: string;
  projectId: string | null;
  /** As `ec2`, `cert`, `totp`. */
  type: string;
  blob: string;
}

/** A passcode that is right: by which secret, and of which step of time. */
export interface Passcode {
  credentialId: string;
  step: number;
}

/** Keys for APIs that sign requests as EC2 does. */
export interface Ec2Credential {
  access: string;
  secret: string;
  userId: string;
  projectId: string;
  trustId: string | null;
}

export class Credentials {
  readonly #core: CloudCore;

  constructor(core: CloudCore) {
    this.#core = core;
  }

  /** One's own; those of all for administrators. */
  async list(subject: Subject, filters: { userId?: string; type?: string } = {}): Promise<Credential[]> {
    const rows = await this.#core.db.read
      .selectFrom('credentials')
      .selectAll()
      .$if(filters.userId !== undefined, (query) => query.where('user_id', '=', filters.userId!))
      .$if(filters.type !== undefined, (query) => query.where('type', '=', filters.type!))
      .orderBy('id')
      .execute();
    return rows.map((row) => this.#fromRow(row)).filter((one) => isShown(subject, one));
  }

  async get(subject: Subject, id: string): Promise<Credential> {
    const row = await this.#core.db.read.selectFrom('credentials').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row || !isShown(subject, { userId: row.user_id, type: row.type })) throw missing('credential', id);
    return this.#fromRow(row);
  }

  async create(subject: Subject, wanted: Omit<Credential, 'id'>): Promise<Credential> {
    requireOwner(subject, wanted.userId, 'create_credential');
    if (wanted.type === 'totp') requireOwnPasscodes(subject, 'create_credential');
    if (wanted.type === 'totp') requireTotpSecret(wanted.blob);
    const id = wanted.type === 'ec2' ? ec2Id(wanted) : newId(this.#core.env);
    const blob = sealed(this.#core, 'credential', id, wanted.blob);
    const row = { id, user_id: wanted.userId, project_id: wanted.projectId, type: wanted.type, blob };
    await this.#core.db.write(async (tx) => {
      const user = await tx.selectFrom('users').select('id').where('id', '=', row.user_id).executeTakeFirst();
      if (!user) throw missing('user', row.user_id);
      const taken = await tx.selectFrom('credentials').select('id').where('id', '=', id).executeTakeFirst();
      if (taken)
        throw new CloudError('duplicate', 'Conflict occurred attempting to store credential - Duplicate entry.');
      await tx
        .insertInto('credentials')
        .values({ ...row, used_step: null })
        .execute();
    });
    return { id, ...wanted };
  }

  async update(subject: Subject, id: string, changes: Partial<Omit<Credential, 'id'>>): Promise<Credential> {
    const found = await this.get(subject, id);
    requireOwner(subject, found.userId, 'update_credential');
    if (changes.userId !== undefined) requireOwner(subject, changes.userId, 'update_credential');
    if (changes.type === 'totp') requireOwnPasscodes(subject, 'update_credential');
    if ((changes.type ?? found.type) === 'totp') requireTotpSecret(changes.blob ?? found.blob);
    await this.#core.db.write((tx) =>
      tx
        .updateTable('credentials')
        .set((e) => ({
          user_id: changes.userId ?? e.ref('user_id'),
          project_id: changes.projectId,
          type: changes.type,
          blob: changes.blob === undefined ? undefined : sealed(this.#core, 'credential', id, changes.blob),
        }))
        .where('id', '=', id)
        .execute(),
    );
    return this.get(subject, id);
  }

  async delete(subject: Subject, id: string): Promise<void> {
    const found = await this.get(subject, id);
    requireOwner(subject, found.userId, 'delete_credential');
    await this.#core.db.write((tx) => tx.deleteFrom('credentials').where('id', '=', id).execute());
  }

  /** By which of the user's secrets the passcode is one of now. Undefined where it is none, or was used. */
  async findPasscode(userId: string, passcode: string): Promise<Passcode | undefined> {
    const rows = await this.#core.db.read
      .selectFrom('credentials')
      .select(['id', 'blob', 'used_step'])
      .where('user_id', '=', userId)
      .where('type', '=', 'totp')
      .execute();
    const now = this.#core.env.now();
    for (const { id, blob, used_step } of rows) {
      const secret = totpSecret(opened(this.#core, 'credential', id, blob));
      const step = secret && stepOfPasscode(secret, passcode, now);
      if (step !== undefined && (used_step === null || used_step < step)) return { credentialId: id, step };
    }
    return undefined;
  }

  /**
   * Uses the passcode, which can be done once (RFC 6238, section 5.2); earlier ones are good for nothing any more. False
   * where it was used meanwhile.
   */
  async usePasscode({ credentialId, step }: Passcode): Promise<boolean> {
    const used = await this.#core.db.write((tx) =>
      tx
        .updateTable('credentials')
        .set({ used_step: step })
        .where('id', '=', credentialId)
        .where((e) => e.or([e('used_step', 'is', null), e('used_step', '<', step)]))
        .executeTakeFirst(),
    );
    return used.numUpdatedRows > 0n;
  }

  #fromRow({ id, user_id, project_id, type, blob }: CredentialsTable): Credential {
    return { id, userId: user_id, projectId: project_id, type, blob: opened(this.#core, 'credential', id, blob) };
  }

  /** New keys for a user on a project. */
  async createEc2(subject: Subject, userId: string, projectId: string): Promise<Ec2Credential> {
    requireOwner(subject, userId, 'ec2_create_credential');
    const { env, db } = this.#core;
    const project = await db.read.selectFrom('projects').select('id').where('id', '=', projectId).executeTakeFirst();
    if (!project) throw missing('project', projectId);
    const keys = { access: newId(env), secret: newId(env), trust_id: null };
    await this.create(subject, { userId, projectId, type: 'ec2', blob: JSON.stringify(keys) });
    return { access: keys.access, secret: keys.secret, userId, projectId, trustId: null };
  }

  async listEc2(subject: Subject, userId: string): Promise<Ec2Credential[]> {
    if (subject.userId !== userId && !mayReadIdentity(subject)) requireAdmin(subject, 'ec2_list_credentials');
    return (await this.list(subject, { userId, type: 'ec2' })).flatMap((one) => ec2Of(one) ?? []);
  }

  async getEc2(subject: Subject, userId: string, access: string): Promise<Ec2Credential> {
    const found = (await this.listEc2(subject, userId)).find((one) => one.access === access);
    if (!found) throw missing('credential', access);
    return found;
  }

  async deleteEc2(subject: Subject, userId: string, access: string): Promise<void> {
    await this.getEc2(subject, userId, access);
    await this.delete(subject, createHash('sha256').update(access).digest('hex'));
  }
}

/** Keystone finds keys by the hash of their access part. */
function ec2Id({ blob, projectId }: Omit<Credential, 'id'>): string {
  const access = partOf(blob, 'access');
  if (access === undefined || partOf(blob, 'secret') === undefined || projectId === null) {
    throw new CloudError(
      'invalid',
      'Invalid blob in credential: an ec2 credential needs access, secret and a project.',
    );
  }
  return createHash('sha256').update(access).digest('hex');
}

function ec2Of({ blob, userId, projectId }: Credential): Ec2Credential | undefined {
  const [access, secret] = [partOf(blob, 'access'), partOf(blob, 'secret')];
  if (access === undefined || secret === undefined) return undefined;
  return { access, secret, userId, projectId: projectId ?? '', trustId: partOf(blob, 'trust_id') ?? null };
}

function partOf(blob: string, name: string): string | undefined {
  try {
    const value = (JSON.parse(blob) as Record<string, unknown>)[name];
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Said when it is stored: who finds out at the next sign-in can't get in any more. */
function requireTotpSecret(blob: string): void {
  if (totpSecret(blob)) return;
  throw new CloudError('invalid', 'Invalid blob in credential: a totp secret is base32 of 16 bytes or more.', {
    field: 'blob',
  });
}

function requireOwner(subject: Subject, userId: string, action: string): void {
  if (subject.userId !== userId) requireAdmin(subject, action);
}

/** Who knows a secret for passcodes can sign in as its user: whom a user lets do something else is not shown any. */
function isShown(subject: Subject, { userId, type }: Pick<Credential, 'userId' | 'type'>): boolean {
  if (mayReadIdentity(subject)) return true;
  return userId === subject.userId && !(type === 'totp' && isRestricted(subject));
}

/** Nor do they add one that they know. */
function requireOwnPasscodes(subject: Subject, action: string): void {
  if (isRestricted(subject)) requireAdmin(subject, action);
}
