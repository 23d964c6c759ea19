import type { Selectable } from 'kysely';
import type { KeypairsTable } from '../../database/schema.ts';

/** A public key that a user puts on servers. Its name is unique among the user's own. */
export interface Keypair {
  id: string;
  userId: string;
  name: string;
  type: 'ssh' | 'x509';
  publicKey: string;
  /** MD5 of an SSH key, SHA-1 of a certificate: hex pairs with colons. */
  fingerprint: string;
  /** For servers of this zone only; of any where it is null. */
  zoneId: string | null;
  description: string | null;
  /** Microseconds since the epoch. */
  createdAt: number;
}

export function keypairOf(row: Selectable<KeypairsTable>): Keypair {
  return {
    id: row.id,
    userId: row.user_id,
    name: row.name,
    type: row.type,
    publicKey: row.public_key,
    fingerprint: row.fingerprint,
    zoneId: row.zone_id,
    description: row.description,
    createdAt: row.created_at,
  };
}
