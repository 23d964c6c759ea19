import { ConstraintViolation } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { requireAdmin, type Subject } from '../identity/subject.ts';
import { generateCertificate } from './certificate.ts';
import { type Keypair, keypairOf } from './model.ts';
import { certificateFingerprint, generateSshKeyPair, sshFingerprint } from './public-key.ts';

const safeName = /^[A-Za-z0-9_\-@. ]{1,255}$/;

export interface NewKeypair {
  id?: string;
  name: string;
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
    if (!safeName.test(wanted.name) || wanted.name.trim() !== wanted.name) throw unsafeName();
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
      .catch((error) => {
        if (!(error instanceof ConstraintViolation)) throw error;
        throw new CloudError('duplicate', `Key pair '${wanted.name}' already exists.`, {
          resource: 'keypair',
          cause: error,
        });
      });
    return { keypair: keypairOf(row), privateKey };
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
