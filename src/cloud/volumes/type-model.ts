import type { VolumeTypesTable } from '../../database/schema.ts';

/** A kind of storage that volumes can be on. */
export interface VolumeType {
  id: string;
  name: string;
  description: string | null;
  isPublic: boolean;
  /** What the storage must be able to do: name → text. */
  extraSpecs: Record<string, string>;
  qosSpecsId: string | null;
  encryption: Encryption | undefined;
  createdAt: number;
  updatedAt: number;
}

/** How volumes of a type would be encrypted. No storage here encrypts: volumes of such a type are refused. */
export interface Encryption {
  id: string;
  provider: string;
  cipher: string | null;
  /** Bits. */
  keySize: number | null;
  controlLocation: 'front-end' | 'back-end';
  createdAt: number;
}

/** The type that every cloud has: the disks of the hosts themselves. Its id is the same everywhere. */
export const localVolumeType = {
  id: '6c6f63616c0040008000766f6c756d65',
  name: 'local',
  description: "On the host's own disks. Servers that use such a volume run on its host.",
} as const;

export function volumeTypeFromRow(row: VolumeTypesTable): VolumeType {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    isPublic: row.is_public === 1,
    extraSpecs: JSON.parse(row.extra_specs) as Record<string, string>,
    qosSpecsId: row.qos_specs_id,
    encryption: row.encryption === null ? undefined : (JSON.parse(row.encryption) as Encryption),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
