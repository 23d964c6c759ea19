import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import type { Subject } from '../identity/subject.ts';
import { projectOf } from '../identity/subject.ts';
import { sealed } from '../secrets/kept-secrets.ts';
import type { BalancerChanges } from './balancer-changes.ts';
import { invalid, lockCertificate, refused } from './model.ts';

export interface NewCertificate {
  id?: string;
  name: string;
  description?: string;
  /** The certificate, those that vouch for it, and its key, in PEM and in any order. */
  pem: string;
}

const block = /-----BEGIN ([A-Z0-9 ]+)-----[\sA-Za-z0-9+/=]+-----END \1-----/g;

/** Certificates of listeners that speak HTTPS. Their keys are shown to nobody again. */
export class Certificates {
  readonly #core: Pick<CloudCore, 'db' | 'env' | 'settings'>;
  readonly #changes: BalancerChanges;

  constructor(core: Pick<CloudCore, 'db' | 'env' | 'settings'>, changes: BalancerChanges) {
    this.#core = core;
    this.#changes = changes;
  }

  /** Throws `invalid` for what is no certificate with its key. */
  async create(subject: Subject, wanted: NewCertificate): Promise<string> {
    const { chain, privateKey } = partsOf(wanted.pem);
    const id = wanted.id ?? newId(this.#core.env);
    const now = this.#core.env.now();
    const row = {
      id,
      project_id: projectOf(subject),
      name: wanted.name,
      description: wanted.description ?? null,
      chain,
      private_key: sealed(this.#core, 'certificateKey', id, privateKey),
      created_at: now,
      updated_at: now,
    };
    await this.#core.db.write((tx) => tx.insertInto('certificates').values(row).execute());
    return id;
  }

  update(subject: Subject, id: string, changes: { name?: string; description?: string }): Promise<void> {
    return this.#changes.rename('certificates', subject, id, changes);
  }

  /** Throws `conflict` (`in_use`) while a listener has it. */
  async delete(subject: Subject, id: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      await lockCertificate(tx, subject, id);
      const used = tx.selectFrom('load_balancer_listeners').select('id').where('certificate_id', '=', id);
      const listener = await used.executeTakeFirst();
      if (listener)
        throw refused('certificate', id, 'in_use', `The listener ${listener.id} has the certificate ${id}.`);
      await tx.deleteFrom('certificates').where('id', '=', id).execute();
    });
  }
}

/** The certificate that the key is of comes first. */
function partsOf(pem: string): { chain: string; privateKey: string } {
  const blocks = [...pem.matchAll(block)].map(([text, kind]) => ({ text, kind: kind! }));
  const certificates = blocks.filter(({ kind }) => kind === 'CERTIFICATE').map(({ text }) => certificateOf(text));
  const keys = blocks.filter(({ kind }) => kind.endsWith('PRIVATE KEY'));
  if (certificates.length === 0) throw bad('it has no certificate in PEM');
  if (keys.length !== 1) throw bad('it has to have one private key in PEM');
  const key = keyOf(keys[0]!.text);
  const own = certificates.find((one) => one.checkPrivateKey(key));
  if (!own) throw bad('the private key is not that of the certificate');
  const others = certificates.filter((one) => one !== own);
  return {
    chain: [own, ...others].map(String).join(''),
    privateKey: String(key.export({ type: 'pkcs8', format: 'pem' })),
  };
}

function certificateOf(text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw bad('one of its certificates can not be read');
  }
}

function keyOf(text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    throw bad('its private key can not be read, or has a passphrase');
  }
}

function bad(why: string) {
  return invalid('certificate', `The certificate is not good: ${why}.`);
}
