import type { GuestSpec, RbdImage } from './contract.ts';

/**
 * How guests and their disks get from one host to another. What one host gives for it is plain JSON, which the control
 * plane carries to the other; it says itself how the bytes come over. Paths are those of the machine that is named, or of the control
 * plane's where none is; what is on other machines is brought before a host is asked (`agent/far/across-machines.ts`).
 */

/** A disk of one host, as another one takes it over: a file, or an image in Ceph that both reach. */
export type DiskSource = OfferedDisk &
  ({ kind: 'file'; path: string; machine?: string } | ({ kind: 'rbd' } & RbdImage));

interface OfferedDisk {
  /** Bytes that the guest sees, and that are taken on the host. */
  virtualSize: number;
  actualSize: number;
  /** The cached image that it is a layer over: a host that has it too need not copy what is below. */
  imageId?: string;
}

/** A guest that runs, as another host has to build it so that its memory fits. */
export interface GuestOrigin {
  spec: GuestSpec;
  /** The full name of the machine type, and where the guest sees its devices, by device id. */
  machine: string;
  addresses: Record<string, string>;
  /** Where its small files are: config drive, firmware variables, what is on its console. */
  files: { kind: 'folder'; path: string; machine?: string };
  /** All of it has been sent, and it has not gone on since. */
  isSent: boolean;
  /** Volumes whose disks lie in storages that both hosts have: they are not copied. */
  sharedVolumeIds?: string[];
}

/** Where a host takes a guest in: its memory, and what is written to its disks meanwhile. */
export interface GuestInlet {
  kind: 'unix';
  folder: string;
  machine?: string;
  memory: string;
  disks: string;
}

export interface SendRequest {
  inlet: GuestInlet;
  /**
   * Which disks have to be copied too. `layer`: what is above the image that both hosts have; `all`: all of it. Those that
   * both have are not named.
   */
  disks: Array<{ volumeId: string; extent: 'layer' | 'all' }>;
  /** Bytes per second, for the memory and for each disk; as fast as it goes when absent. */
  bandwidth?: number;
}

/** How far a guest has been sent. Bytes. */
export interface SendProgress {
  memory: { total: number; transferred: number; remaining: number };
  disk: { total: number; transferred: number; remaining: number };
}

/** What hosts do to hand guests over. Part of `HostAgent`, whose rules hold here too. */
export interface MigrationVerbs {
  /** Lets other hosts take the disk over. Refuses (`in_use`) while a guest that runs has it open. */
  offerDisk(diskId: string): Promise<DiskSource>;
  /** What another host has to know to take the guest in; `not_found` when it does not run. */
  describeGuest(serverId: string): Promise<GuestOrigin>;
  /**
   * Begins to take a guest in: it has its process here, which waits for its memory and does not run. The disks exist.
   * Whatever an earlier try has left is ended first: the caller knows that the guest runs elsewhere. Disks in storages
   * that both hosts share are not written to before the guest is accepted.
   */
  receiveGuest(guest: GuestSpec, origin: GuestOrigin): Promise<GuestInlet>;
  /**
   * Sends the guest, while it runs, to where it is awaited. Resolves when all of it is there: it stands still here then,
   * and runs nowhere until `acceptGuest`. Resolves at once when that has been done before. When it fails, the guest goes
   * on here.
   */
  sendGuest(serverId: string, request: SendRequest): Promise<void>;
  /** Ends a sending, or takes it back before the guest was accepted: it goes on here, unless it was paused. */
  takeBackGuest(serverId: string, options: { paused: boolean }): Promise<void>;
  /** Undefined when the guest is not being sent. */
  sendProgress(serverId: string): Promise<SendProgress | undefined>;
  /**
   * Lets the guest stand still until it is there, so that what it writes can't outrun the sending, and lifts the limit of
   * its bandwidth.
   */
  hurrySending(serverId: string): Promise<void>;
  /**
   * Lets the guest that came in run; leaves it paused if it was. What it has written on its console until now is taken
   * over from `files`. No error when it runs already.
   */
  acceptGuest(serverId: string, options: { paused: boolean; files: GuestOrigin['files'] }): Promise<void>;
}
