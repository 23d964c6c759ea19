import type { DesiredNetworks, GuestNic, HostNetworking, MetadataResponder } from '../contract.ts';

/** A backend of a guest's interface by QEMU's names (`NetdevOptions` of its QMP): its type, and what else it needs. */
export type Netdev = { type: 'tap' | 'user' } & Record<string, string | boolean>;

/** How the guests of a QEMU host get their networks. Verbs are idempotent, and failures are `AgentError`. */
export interface NetworkDriver {
  readonly networking: HostNetworking;
  /** What a guest's interface is plugged into. Pure. */
  netdev(nic: GuestNic): Netdev;
  /** The largest MTU that guests can be told, in bytes. */
  readonly largestMtu: number;
  /**
   * Makes what the guest's interfaces are plugged into, before it is started or gets one more. Gives the words
   * that its command begins with.
   */
  prepareGuest(nics: readonly GuestNic[]): Promise<string[]>;
  /** Takes away what `prepareGuest` made, when the guest is gone for good or has no such interfaces any more. */
  removePorts(portIds: readonly string[]): Promise<void>;
  /** See `HostAgent.applyNetworks`. */
  apply(desired: DesiredNetworks): Promise<void>;
  serveMetadata(responder: MetadataResponder): () => void;
  /** See `HostInventory.networkDevices`. */
  inventory(): Promise<string[]>;
  /** Lets go. Whatever guests use goes on. */
  close(): Promise<void>;
  /**
   * The same networks for another host of this machine, whose guests' interfaces are told from the others' by the
   * number of its seat. Closing it closes nothing. Absent where guests have no common networks.
   */
  forSeat?(seat: number): NetworkDriver;
}
