/** The CD-ROM drives of servers, and what servers boot from. */
import type { Json, Micros } from './columns.ts';

export interface CdromsTable {
  id: string;
  server_id: string;
  name: string;
  description: string | null;
  /** Its place among the server's drives, from 0. */
  device_index: number;
  /** The ISO image that is in it. */
  image_id: string | null;
  created_at: Micros;
  updated_at: Micros;
}

/** Of servers whose boot order somebody has said. */
export interface BootOrdersTable {
  server_id: string;
  /** `BootDevice[]` */
  devices: Json;
}
