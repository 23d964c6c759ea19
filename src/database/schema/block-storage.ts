/** What volumes have beside them. */
import type { Json, Micros } from './columns.ts';

/** A volume as it was at one moment: a disk of its own, which needs neither the volume nor its disk any more. */
export interface VolumeSnapshotsTable {
  id: string;
  project_id: string;
  user_id: string;
  volume_id: string;
  name: string | null;
  description: string | null;
  status: 'creating' | 'available' | 'restoring' | 'deleting' | 'deleted' | 'error' | 'error_deleting';
  /** The volume's size at that moment. */
  size: number;
  actual_size: number | null;
  host_id: string | null;
  disk_id: string | null;
  metadata: Json;
  last_error: string | null;
  created_at: Micros;
  updated_at: Micros;
  deleted_at: Micros | null;
}
