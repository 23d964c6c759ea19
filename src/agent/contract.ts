import type { Duplex } from 'node:stream';
import type { DiskLimits } from './disk-limits.ts';
import type { FileContents } from './file-content.ts';
import type { InsightVerbs } from './insight-contract.ts';
import type { BootDevice, GuestCdrom, MediumVerbs } from './medium-contract.ts';
import type { DiskSource, MigrationVerbs } from './migration-contract.ts';
import type { DesiredNetworks, DesiredRoute, HostNetworking, Ipv6Mode, MetadataResponder } from './network-contract.ts';
import type { NicVerbs } from './nic-contract.ts';
import type { StorageVerbs } from './storage-contract.ts';

export type * from './balancer-contract.ts';
export type * from './disk-limits.ts';
export type * from './insight-contract.ts';
export type * from './medium-contract.ts';
export type * from './migration-contract.ts';
export type * from './network-contract.ts';
export type * from './nic-contract.ts';
export type * from './storage-contract.ts';

/**
 * What the control plane may ask of one hypervisor host. This file is all that `cloud/` knows of hosts.
 *
 * Every verb is idempotent: it makes a thing so, whether or not an earlier call got half way, and may be repeated after
 * a crash of either side. All arguments and results are plain JSON, so that a call can travel. External things (files,
 * sockets, taps, processes) are named from the ids that the caller gives, never from chance. Failures are `AgentError`.
 * Sizes are bytes unless a name says otherwise.
 */
export interface HostAgent extends MigrationVerbs, InsightVerbs, NicVerbs, MediumVerbs, StorageVerbs {
  /** What the host is and can hold. */
  describe(): Promise<HostDescription>;

  /** Makes the image's bytes available on this host, as a flat file of the image's own format that nobody writes to. */
  ensureImageCached(image: CachedImage): Promise<{ virtualSize: number }>;
  /** Forgets a cached image. Refuses (`in_use`) while a disk here is a layer over it, or is being made so, or a drive has it. */
  removeCachedImage(imageId: string): Promise<void>;

  /** Makes a disk exist with at least `size` bytes; a disk that exists is only grown, its content is never touched. */
  ensureDisk(disk: DiskSpec): Promise<DiskUsage>;
  /**
   * As `ensureDisk`, for copies of disks of one guest: they are all as of one moment, also while it writes to them. Where
   * only some are there, all are made anew; where one can't be made, none is.
   */
  ensureDisks(disks: DiskSpec[]): Promise<DiskUsage[]>;
  /** Removes the disk; succeeds when there is none. Refuses (`in_use`) while a guest that runs has it open. */
  removeDisk(diskId: string): Promise<void>;
  diskUsage(diskId: string): Promise<DiskUsage>;
  /**
   * Writes a self-contained copy of the disk, as of one moment, to a file in the image store's staging area: no backing
   * file, nothing of the host in it. Works while a guest writes to the disk, and does not stop it.
   */
  exportDisk(request: DiskExport): Promise<{ size: number; virtualSize: number }>;

  /** Writes the guest's config drive (ISO 9660, label `config-2`) from path → content; replaces an earlier one. */
  ensureConfigDrive(serverId: string, files: FileContents): Promise<void>;

  /** Makes the guest run with this specification. A guest that runs already is left alone; a paused one is resumed. */
  ensureGuestRunning(guest: GuestSpec): Promise<void>;
  /** Asks the guest's system to shut down, waits up to `graceSeconds`, then ends it. No error when it does not run. */
  stopGuest(serverId: string, options: { graceSeconds: number }): Promise<void>;
  /** `soft` asks the guest to restart and falls back to `hard` after `graceSeconds`; `hard` is the reset button. */
  rebootGuest(serverId: string, options: GuestReboot): Promise<void>;
  pauseGuest(serverId: string): Promise<void>;
  /** Lets a paused guest go on, and a suspended one from the moment at which it was suspended. */
  resumeGuest(serverId: string): Promise<void>;
  /**
   * Writes the guest's memory to the host's disk and ends it; it outlives a restart of the host. `ensureGuestRunning`
   * and `resumeGuest` let it go on; stopping or rebooting it forgets the memory. Its disks can't change meanwhile
   * (`in_use`). A guest that could not be suspended runs on.
   */
  suspendGuest(serverId: string): Promise<void>;
  /** Sends a non-maskable interrupt to the guest's processors. Not idempotent: each call is one more. */
  injectNmi(serverId: string): Promise<void>;
  /**
   * Makes the disk one more of the guest's: at once of a guest that runs (its system sees it appear), else when it is
   * started again. Only the bus `virtio` can be plugged in. A disk that the guest has already gets the limits said here,
   * at once. No error when the host knows no such guest.
   */
  attachDisk(serverId: string, disk: GuestDisk): Promise<void>;
  /**
   * Takes the disk of the volume from the guest. The system of a guest that runs is asked to let go of it; `in_use`
   * when it does not within a minute: then it still has the disk. No error when there is no such guest or disk.
   */
  detachDisk(serverId: string, volumeId: string): Promise<void>;
  /** Ends the guest and removes all that the host keeps of it (config drive, console log, sockets), but no disk. */
  removeGuest(serverId: string): Promise<void>;
  /** The guest's power state, `absent` when the host knows nothing of it. */
  guestState(serverId: string): Promise<GuestState>;
  /** The last `lines` lines of the serial console since the guest was first started here; all of it (bounded) if none. */
  consoleLog(serverId: string, lines?: number): Promise<string>;

  /**
   * A connection to the guest's screen (RFB, with VNC's password where the guest has one) or serial port, which ends with the guest;
   * `not_found` when it does not run. The one verb that gives no plain JSON.
   */
  connectConsole(serverId: string, kind: ConsoleKind): Promise<Duplex>;

  /**
   * Makes the host's networks so, and takes away what is not wanted any more; a device that a guest still uses stays,
   * and carries nothing. Guests are not interrupted. Must have been called before a guest is started that is on them.
   */
  applyNetworks(desired: DesiredNetworks): Promise<void>;
  /** From now on guests' requests for metadata are answered by `responder`, until the returned function is called. */
  serveMetadata(responder: MetadataResponder): () => void;

  /** All that exists on the host, for reconcilers and the audit. */
  inventory(): Promise<HostInventory>;
  /** Calls `listener` when a guest changes its power state by itself (it shut down, crashed, was killed). */
  watchGuests(listener: (change: { serverId: string; state: GuestState }) => void): () => void;
  /** Stops watching and closes connections. Guests go on running. */
  close(): Promise<void>;
}

export interface GuestReboot {
  type: 'soft' | 'hard';
  graceSeconds: number;
  /** As `GuestSpec.screenPassword`, from now on. */
  screenPassword?: string;
}

export type ConsoleKind = 'vnc' | 'serial';

export interface HostDescription {
  hypervisorType: 'QEMU' | 'simulated';
  /** The hypervisor's version as an integer in Nova's form: major × 1000000 + minor × 1000 + micro. */
  hypervisorVersion: number;
  /** How guest code is run: `kvm` only where a probe showed that it really runs code. */
  accelerator: 'kvm' | 'tcg' | 'none';
  architecture: 'x86_64' | 'aarch64';
  hostname: string;
  vcpus: number;
  memoryMb: number;
  diskGb: number;
  freeDiskGb: number;
  networking: HostNetworking;
  /** Since when the machine runs. */
  uptimeSeconds: number;
}

/** Image formats that a host can use as a disk. */
export type DiskFormat = 'qcow2' | 'raw' | 'vmdk' | 'vdi' | 'vhd' | 'vhdx' | 'iso';

export interface CachedImage {
  imageId: string;
  /** The format as inspected at upload, never as guessed from the bytes again. */
  format: DiskFormat;
  /** Size of the image's file. A cached file of another size is fetched again. */
  size: number;
  /**
   * Where the bytes are: a file that this host can read, or a snapshot in Ceph that disks are cloned from, of which the
   * host keeps nothing (`unsupported` where it can't).
   */
  source: { kind: 'file'; path: string } | RbdParent;
}

/** An image of Ceph's, and how the host gets at it: by a configuration file of its own, as a user without `client.`. */
export interface RbdImage {
  conf: string;
  user: string;
  pool: string;
  image: string;
}

/** A protected snapshot, and the pool for what is cloned from it. */
export interface RbdParent extends RbdImage {
  kind: 'rbd';
  snapshot: string;
  diskPool: string;
}

/** What a guest finds on a disk that is made for it. */
export interface DiskContent {
  format: 'ext2' | 'ext3' | 'ext4' | 'xfs' | 'swap';
  label?: string;
}

export type DiskBase =
  /** With nothing on it, or made ready to be used. In Ceph where the disk is that it is to be `beside`; else a file. */
  | { kind: 'blank'; content?: DiskContent; beside?: string }
  /** A copy-on-write layer over a cached image. */
  | { kind: 'image'; imageId: string }
  /** A copy of another disk of this host as of one moment, also while a guest writes to it; `flat` where it is to be a layer over nothing. */
  | { kind: 'copy'; diskId: string; flat?: boolean }
  /** A copy of another host's disk, which nobody writes to meanwhile. */
  | { kind: 'moved'; source: DiskSource }
  /** Another host's disk in the same shared storage, under one more name: nothing is copied, and what is written is in both. */
  | { kind: 'same'; source: SameDisk };

/** Where the other name of a disk in a shared storage is. */
export interface SameDisk {
  diskId: string;
  /** The part of the storage that is the other host's. */
  part: string;
  virtualSize: number;
  /** The image that it is a layer over. */
  imageId?: string;
  /** A guest of the other host has it open, and is to come along. Else it is refused (`in_use`) where anybody has, as far as the file system tells. */
  isOpen?: boolean;
}

export interface DiskSpec {
  diskId: string;
  size: number;
  base: DiskBase;
  /** The further storage that it is made in; the host's own folder where none is said. A disk that exists stays where it is. */
  storageId?: string;
  /** Several guests may have it at the same time: a flat disk, which keeps no books that two could write to. */
  shared?: boolean;
}

export interface DiskUsage {
  /** The size the guest sees. */
  virtualSize: number;
  /** Bytes taken on the host. */
  actualSize: number;
  /** Where the disk is on the host, as an administrator may see it. */
  installPath: string;
}

export interface DiskExport {
  diskId: string;
  /** The server whose guest may have the disk open. */
  serverId?: string;
  format: 'qcow2' | 'raw';
  target: { kind: 'file'; path: string };
}

export interface GuestSpec {
  serverId: string;
  /** A name for administrators, as `instance-0000002a`. */
  instanceName: string;
  vcpus: number;
  memoryMb: number;
  bootMode: 'bios' | 'uefi';
  /**
   * In the order in which the guest sees them: vda, vdb, … The first one is booted from, where disks come first and none
   * `bootsFirst`.
   */
  disks: GuestDisk[];
  cdroms?: GuestCdrom[];
  /** Default: the disks, then the drives. What is not named is not booted from. */
  bootOrder?: BootDevice[];
  hasConfigDrive: boolean;
  nics: GuestNic[];
  /** What VNC asks for before it shows the screen; nothing when absent. */
  screenPassword?: string;
}

export interface GuestDisk {
  diskId: string;
  /** Shown to the guest as the disk's serial number (its first 20 characters). */
  volumeId: string;
  /** `sata` and `ide` serve systems without virtio drivers. */
  bus: 'virtio' | 'sata' | 'ide' | 'cdrom';
  /** The guest is booted from it, wherever it stands among its disks. */
  bootsFirst?: boolean;
  /** The guest can't write to it. */
  readOnly?: boolean;
  /** Other guests may have it too, and write to it: a disk that was made `shared`. */
  shared?: boolean;
  /** How fast the guest may use it; without any when absent. */
  limits?: DiskLimits;
}

/** An interface's address and what is told with it; `routes` are those beside the gateway's. */
export interface NicSubnet {
  cidr: string;
  gateway?: string;
  address: string;
  dnsNameservers: string[];
  routes?: DesiredRoute[];
}

export interface GuestNic {
  portId: string;
  networkId: string;
  macAddress: string;
  model: 'virtio' | 'e1000';
  /** The IPv4 subnet as the `user` driver needs it, and as the guest is told; absent where it has IPv6 alone. */
  subnet?: NicSubnet;
  /** Its IPv6 addresses, as the guest is told beside: it makes or asks for them itself where a mode is said. */
  subnets6?: Array<NicSubnet & { mode?: Ipv6Mode }>;
  /** Bytes. */
  mtu: number;
}

/**
 * `absent`: nothing is known of the guest; `stopped`: it is known and has no process; `suspended`: it has none either,
 * and its memory is kept.
 */
export type GuestState = 'running' | 'paused' | 'suspended' | 'stopped' | 'absent';

/** What a host keeps of one server. */
export interface GuestInventory {
  serverId: string;
  state: GuestState;
  pid?: number;
  hasConfigDrive: boolean;
  /** The disks of this host that its process has open; absent where it has none, or the host can't tell. */
  openDisks?: string[];
}

export interface HostInventory {
  images: string[];
  disks: string[];
  /** Servers of which the host keeps anything, with what it is. */
  guests: GuestInventory[];
  /** Files in the host's folder that nothing above accounts for, by relative path. */
  strayFiles: string[];
  /** Network namespaces of this cloud on the host, and its devices outside of them. */
  networkDevices: string[];
}

export type AgentErrorCode =
  /** The host has no room for the bytes. */
  | 'no_space'
  | 'not_found'
  | 'in_use'
  /** The bytes are not what the image says they are, or could harm the host. */
  | 'bad_image'
  /** The hypervisor refused or failed; the message holds its first words. */
  | 'hypervisor_failed'
  | 'unsupported'
  /** The host could not be reached, or did not answer in time. */
  | 'unreachable';

/** A host's refusal or failure. `retryable` says that the same call may succeed in a moment. */
export class AgentError extends Error {
  readonly code: AgentErrorCode;
  readonly retryable: boolean;
  constructor(code: AgentErrorCode, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AgentError';
    this.code = code;
    this.retryable = options.retryable ?? code === 'unreachable';
  }
}
