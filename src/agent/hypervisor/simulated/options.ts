import type { Env } from '../../../env/env.ts';
import type { GuestSpec, HostAgent } from '../../contract.ts';
import type { FileContents } from '../../file-content.ts';
import type { SimulatedNetworks } from './networks.ts';
import type { ReachedFiles } from './parts.ts';

/** The verbs of the contract, as `latency` and `faults` name them. */
export type AgentVerb = Exclude<keyof HostAgent, 'watchGuests' | 'serveMetadata' | 'close'>;

export interface SimulatedHostOptions {
  /** With a folder the host's objects survive the process; without one they live in memory only. */
  directory?: string;
  env: Env;
  hostname?: string;
  capacity?: { vcpus: number; memoryMb: number; diskGb: number };
  /** Where image stores keep what the host reads and writes; files of this machine if not given. */
  files?: ReachedFiles;
  /** Why a folder for disks can't be used, where it can't. */
  storageProblem?: (path: string) => string | undefined;
  /** Milliseconds that a verb takes, by the environment's clock. Default 0. */
  latency?: Partial<Record<AgentVerb, number>>;
  /** Asked before a verb does anything: an error it returns is what the caller gets, and nothing has happened. */
  faults?: (verb: AgentVerb, args: readonly unknown[]) => Error | undefined;
  /** Asked after a verb was done: with an error, the work stays done and the caller doesn't learn of it. */
  lostAnswers?: (verb: AgentVerb, args: readonly unknown[]) => Error | undefined;
}

/** A host agent without machines, for tests, scale runs and computers without QEMU. */
export interface SimulatedHost extends HostAgent {
  /** The guest's system shuts down by itself (or crashes, which looks the same from outside). */
  endGuest(serverId: string): void;
  /** Somebody removes the cached image, whatever is a layer over it. */
  loseImage(imageId: string): void;
  /** What the guest was last started with. */
  guestSpec(serverId: string): GuestSpec | undefined;
  /** The files of the guest's config drive. */
  configDrive(serverId: string): FileContents | undefined;
  readonly networks: SimulatedNetworks;
}
