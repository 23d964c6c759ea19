import type { Env } from '../../../env/env.ts';
import type { NfsClient } from '../../disks/nfs-client.ts';
import type { AgentLog } from '../../log.ts';
import type { NetworkDriver } from '../../network/network-driver.ts';

/** How a host of QEMU is opened. */
export interface QemuHostOptions {
  /** Where everything of the host is kept; made when missing. */
  directory: string;
  /** Default: the machine's name. */
  hostname?: string;
  env: Env;
  log?: AgentLog;
  /** Default: `qemu-system-x86_64` from PATH. */
  binary?: string;
  /** How many hosts this machine is divided among, each of which tells of its part. Default: 1. */
  sharers?: number;
  /** Default: KVM if a probe shows that it runs code. Given by who knows already. */
  accelerator?: 'kvm' | 'tcg';
  /** How guests get their networks; the host closes it. Default: QEMU's user mode. */
  network?: NetworkDriver;
  /** What mounts folders of NFS servers. Default: this machine's kernel. */
  nfsClient?: NfsClient;
}
