import { ConstraintViolation } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { requireAdmin, type Subject } from '../identity/subject.ts';
import { generateCertificate } from './certificate.ts';
import { type Keypair, keypairOf } from './model.ts';
import { certificateFingerprint, generateSshKeyPair, sshFingerprint } from './public-key.ts';

const safeName = /^[A-Za-z0-9_\-@. ]{1,255}$/;

export interface NewKeypair {
  id?: string;
  name: string;
  description?: string;
  type?: 'ssh' | 'x509';
  /** To be imported; without one a pair is generated. */
  publicKey?: string;
  /** Another user than the subject: administrators only. */
  userId?: string;
  /** Whose servers may have it; without one, those of all zones. */
  zoneId?: string;
}

/** Key pairs belong to users, not to projects. */
export class Keypairs {
  readonly #core: CloudCore;

  constructor(core: CloudCore) {
    this.#core = core;
  }

  /** The user's key pairs by name. */
  async list(subject: Subject, userId?: string): Promise<Keypair[]> {
    const rows = await this.#core.db.read
      .selectFrom('keypairs')
      .selectAll()
      .where('user_id', '=', ownerFor(subject, userId))
      .orderBy('name')
      .execute();
    return rows.map(keypairOf);
  }

  /** Throws `not_found`. */
  async get(subject: Subject, name: string, userId?: string): Promise<Keypair> {
    const owner = ownerFor(subject, userId);
    const row = await this.#core.db.read
      .selectFrom('keypairs')
      .selectAll()
      .where('user_id', '=', owner)
      .where('name', '=', name)
      .executeTakeFirst();
    if (!row) throw missing(name, owner);
    return keypairOf(row);
  }

  /**
   * Imports a public key, or generates a pair; the private key is given here and kept nowhere.
   * Throws `invalid` for bad names and keys, `duplicate`, and `quota_exceeded`.
   */
  async create(subject: Subject, wanted: NewKeypair): Promise<{ keypair: Keypair; privateKey: string | undefined }> {
    const owner = ownerFor(subject, wanted.userId);
    refuseUnsafe(wanted.name);
    const type = wanted.type ?? 'ssh';
    const { publicKey, privateKey } = await this.#keyOf(type, wanted.publicKey, owner);
    const fingerprint = type === 'ssh' ? sshFingerprint(publicKey) : certificateFingerprint(publicKey);
    const row = {
      id: wanted.id ?? newId(this.#core.env),
      user_id: owner,
      name: wanted.name,
      type,
      public_key: publicKey,
      fingerprint,
      zone_id: wanted.zoneId ?? null,
      created_at: this.#core.env.now(),
      description: wanted.description ?? null,
      updated_at: null,
    };
    const limit = this.#core.settings.defaultQuotas.keypairs;
    await this.#core.db
      .write(async (tx) => {
        const { held } = await tx
          .selectFrom('keypairs')
          .select((eb) => eb.fn.countAll<number>().as('held'))
          .where('user_id', '=', owner)
          .executeTakeFirstOrThrow();
        if (limit >= 0 && held >= limit) throw tooMany();
        await tx.insertInto('keypairs').values(row).execute();
      })
      .catch(alreadyThere(wanted.name));
    return { keypair: keypairOf(row), privateKey };
  }

  /**
   * Renames or describes a key pair of the subject's. Its servers know it by its new name. Throws `not_found`, `invalid`
   * for bad names, and `duplicate`.
   */
  async update(subject: Subject, id: string, changes: { name?: string; description?: string }): Promise<void> {
    const { name, description } = changes;
    if (name !== undefined) refuseUnsafe(name);
    const now = this.#core.env.now();
    await this.#core.db
      .write(async (tx) => {
        const pairs = tx.selectFrom('keypairs').selectAll().where('id', '=', id);
        const before = await pairs.where('user_id', '=', subject.userId).executeTakeFirst();
        if (!before) throw notFound('keypair', id);
        const values = { name: name ?? before.name, description: description ?? before.description, updated_at: now };
        await tx.updateTable('keypairs').set(values).where('id', '=', id).execute();
        if (values.name === before.name) return;
        await tx
          .updateTable('servers')
          .set({ key_name: values.name, updated_at: now })
          .where('user_id', '=', subject.userId)
          .where('key_name', '=', before.name)
          .where('public_key', '=', before.public_key)
          .execute();
      })
      .catch(alreadyThere(name ?? ''));
  }

  /** Servers that have the key keep it. Throws `not_found`. */
  async delete(subject: Subject, name: string, userId?: string): Promise<void> {
    const owner = ownerFor(subject, userId);
    await this.#core.db.write(async (tx) => {
      const { numDeletedRows } = await tx
        .deleteFrom('keypairs')
        .where('user_id', '=', owner)
        .where('name', '=', name)
        .executeTakeFirst();
      if (numDeletedRows === 0n) throw missing(name, owner);
    });
  }

  async #keyOf(
    type: 'ssh' | 'x509',
    publicKey: string | undefined,
    owner: string,
  ): Promise<{ publicKey: string; privateKey: string | undefined }> {
    if (publicKey !== undefined) return { publicKey, privateKey: undefined };
    if (type === 'ssh') return await generateSshKeyPair();
    return await generateCertificate(owner, this.#core.env.now() / 1000);
  }
}

function ownerFor(subject: Subject, userId: string | undefined): string {
  if (userId === undefined || userId === subject.userId) return subject.userId;
  requireAdmin(subject, 'os_compute_api:os-keypairs');
  return userId;
}

function refuseUnsafe(name: string): void {
  if (!safeName.test(name) || name.trim() !== name) throw unsafeName();
}

function alreadyThere(name: string) {
  return (error: unknown): never => {
    if (!(error instanceof ConstraintViolation)) throw error;
    throw new CloudError('duplicate', `Key pair '${name}' already exists.`, { resource: 'keypair', cause: error });
  };
}

function missing(name: string, owner: string): CloudError {
  return new CloudError('not_found', `Keypair ${name} not found for user ${owner}`, { resource: 'keypair' });
}

function unsafeName(): CloudError {
  return new CloudError('invalid', 'Keypair data is invalid: Keypair name contains unsafe characters', {
    field: 'name',
  });
}

function tooMany(): CloudError {
  return new CloudError('quota_exceeded', 'Maximum number of key pairs exceeded', { reason: 'keypairs' });
}
