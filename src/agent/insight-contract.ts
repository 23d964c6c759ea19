import type { GuestSpec } from './contract.ts';

/** What is found out about a guest, and asked of it, beside its life. */

/** Figures of a guest that runs. What the host can't know is null. Bytes, and nanoseconds of processor time. */
export interface GuestDiagnostics {
  state: 'running' | 'paused';
  /** Seconds since its process was started. */
  uptimeSeconds: number;
  vcpus: Array<{ id: number; nanoseconds: number }>;
  memory: { maximumMb: number; usedMb: number };
  /** In the order in which the guest sees them. */
  disks: Array<{
    volumeId: string;
    bus: 'virtio' | 'sata' | 'ide' | 'cdrom';
    readBytes: number;
    readRequests: number;
    writtenBytes: number;
    writeRequests: number;
    errors: number;
  }>;
  nics: Array<{ macAddress: string; portId: string; counters: NicCounters | null }>;
}

/** From the guest's side: what it received and sent. */
export interface NicCounters {
  received: { bytes: number; packets: number; errors: number; dropped: number };
  sent: { bytes: number; packets: number; errors: number; dropped: number };
}

/** Where a guest finds a device, as OpenStack's metadata words it: `pci` and `0000:00:04.0`, or `ide` and `0:1`. */
export interface DevicePlace {
  bus: 'pci' | 'ide' | 'none';
  address: string;
}

/** Part of `HostAgent`, whose rules hold here too. */
export interface InsightVerbs {
  /** `not_found` when the guest does not run. */
  guestDiagnostics(serverId: string): Promise<GuestDiagnostics>;
  /**
   * By the id of their volume or port, where the guest's disks and interfaces are; for one that does not run, where they
   * will be when it is started with this specification. A device that a running guest has not got is left out.
   */
  guestDevices(guest: GuestSpec): Promise<Record<string, DevicePlace>>;
  /** What the guest's screen shows, as PNG in base64. `not_found` when the guest does not run. */
  screenshot(serverId: string): Promise<string>;
  /** Whether QEMU's guest agent runs in the guest and answers now. False for a guest that stands still or is off. */
  hasGuestAgent(serverId: string): Promise<boolean>;
  /** Sets a password inside the guest by its agent; `unsupported` where none answers. */
  setGuestPassword(serverId: string, account: { user: string; password: string }): Promise<void>;
}
