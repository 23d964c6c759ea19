import type { HostAgent, HostDescription } from '../../agent/contract.ts';
import type { KnownHostKey } from '../../ssh/host-key.ts';

/** A machine that is to be a host, and as whom one logs in there by SSH. */
export interface FarPlace {
  address: string;
  port: number;
  user: string;
}

/** What is done with a host on another machine beside what every host is asked. */
export interface FarAgent {
  readonly agent: HostAgent;
  /** Whether it answers now. */
  readonly isConnected: boolean;
  /** Logs in, puts the agent there where it is not, and asks what the host is. From then on the connection is kept. */
  connect(): Promise<HostDescription>;
  /** The same, in the background, as often as it takes. */
  keep(): void;
  /** As `connect`, also where there is a connection. */
  reconnect(): Promise<HostDescription>;
  /** Takes the agent, and all that it kept of itself, off the machine. May be called again where that has failed. */
  leave(): Promise<void>;
}

export interface FarAgentOptions {
  hostId: string;
  /** What the cloud calls it. */
  name: string;
  /** As it is now, whenever a connection is made. Throws for one whose agent may not come back, but `toLeave` it. */
  place(purpose: { toLeave: boolean }): Promise<FarPlace>;
  password(): Promise<string>;
  hostKey: KnownHostKey;
  /** What its machine was told when it joined: a machine that was told something else is refused. */
  key(): Promise<string>;
  /** Whether a machine that knows nothing of the host may be taken: not where something of the cloud should be there. */
  mayBegin(): Promise<boolean>;
  /** What it said last. */
  known?: HostDescription;
  /** Told when the host answers, and when it does not any more. */
  onChange(state: { description: HostDescription } | { lost: string }): void;
}

/** Makes agents of far hosts; nothing is asked of the machine yet. */
export type FarAgentOpener = (options: FarAgentOptions) => FarAgent;
