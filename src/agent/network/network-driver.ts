import type { DesiredNetworks, GuestNic, HostNetworking, MetadataResponder } from '../contract.ts';

/** How the guests of a QEMU host get their networks. Verbs are idempotent, and failures are `AgentError`. */
export interface NetworkDriver {
  readonly networking: HostNetworking;
  /** QEMU's `-netdev` option of a guest's interface. Pure. */
  netdev(nic: GuestNic, id: string): string;
  /** The largest MTU that guests can be told, in bytes. */
  readonly largestMtu: number;
  /**
   * Makes what the guest's interfaces are plugged into, before it is started. Gives the words that its command begins
   * with.
   */
  prepareGuest(nics: readonly GuestNic[]): Promise<string[]>;
  /** Takes away what `prepareGuest` made, when the guest is gone for good. */
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
