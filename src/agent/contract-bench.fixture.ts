import { expect } from 'vitest';
import type { AgentErrorCode, HostAgent } from './contract.ts';

export const mebibyte = 1024 ** 2;
export const imageBytes = mebibyte;

/** What the parts of the contract are tried on: the host as it is after its last restart. */
export interface ContractBench {
  readonly host: HostAgent;
  /** A folder for files beside the host's own. */
  readonly root: string;
  /** A raw image that boots. */
  readonly rawImage: { format: 'raw'; size: number; source: { kind: 'file'; path: string } };
  restart(): Promise<void>;
}

export const failure = (code: AgentErrorCode) => expect.objectContaining({ name: 'AgentError', code });
