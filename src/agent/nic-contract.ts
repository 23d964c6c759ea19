import type { GuestNic } from './contract.ts';

/** What hosts do to change the interfaces of guests that exist. Part of `HostAgent`, whose rules hold here too. */
export interface NicVerbs {
  /**
   * Makes the interface one more of the guest's: at once of a guest that runs (its system sees it appear), else when it
   * is started again. The host's networks were made for it before (`applyNetworks`). Refuses (`in_use`) while the guest
   * is suspended. No error when the host knows no such guest.
   */
  attachNic(serverId: string, nic: GuestNic): Promise<void>;
  /**
   * Takes the interface of the port from the guest, and what it was plugged into from the host. The system of a guest
   * that runs is asked to let go of it; `in_use` when it does not within a minute, or can't because it is paused or
   * suspended: then it still has it. No error when there is no such guest or interface.
   */
  detachNic(serverId: string, portId: string): Promise<void>;
}
