import { expect } from 'vitest';
import type { AgentErrorCode, GuestSpec, HostAgent } from './contract.ts';

export const mebibyte = 1024 ** 2;
export const imageBytes = 1024 ** 2;

/** What the parts of the contract are tried on: the host as it is after its last restart. */
export interface ContractBench {
  readonly host: HostAgent;
  /** A folder for files beside the host's own. */
  readonly root: string;
  /** A raw image that boots. */
  readonly rawImage: { format: 'raw'; size: number; source: { kind: 'file'; path: string } };
  restart(): Promise<void>;
  /** A guest with one disk on the boot image, all of it made so, not started. */
  prepareGuest(change?: Partial<GuestSpec>): Promise<GuestSpec>;
}

export const failure = (code: AgentErrorCode) => expect.objectContaining({ name: 'AgentError', code });
