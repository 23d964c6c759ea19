import { withDashes } from '../../../env/env.ts';
import {
  AgentError,
  type BootDevice,
  type GuestCdrom,
  type GuestDisk,
  type GuestNic,
  type GuestSpec,
  type RbdImage,
} from '../../contract.ts';
import { rbdNode } from '../../disks/rbd.ts';
import type { NetworkDriver } from '../../network/network-driver.ts';
import { guestProcessor } from './accelerator.ts';

/** The names of a guest's files inside its folder. QEMU is started there, so that socket addresses stay short. */
export const guestFiles = {
  configDrive: 'config.iso',
  variables: 'uefi-variables.fd',
  consoleLog: 'console.log',
  olderConsoleLog: 'console.log.1',
  monitor: 'qmp.sock',
  serial: 'serial.sock',
  agent: 'agent.sock',
  vnc: 'vnc.sock',
  screenPassword: 'screen-password',
  pid: 'pid',
  spec: 'spec.json',
  memory: 'memory',
  memorySocket: 'memory.sock',
  diskSocket: 'disks.sock',
  hypervisorLog: 'qemu.log',
} as const;

export interface CommandLineContext {
  accelerator: 'kvm' | 'tcg';
  /** Absolute path of the guest's folder. */
  folder: string;
  /** Absolute path of a disk's file. */
  diskPath(disk: GuestDisk): string;
  /** The disks that are in Ceph instead, by disk id. */
  inCeph?: ReadonlyMap<string, RbdImage>;
  /** Absolute path of a cached image that is in a drive. */
  mediumPath?(imageId: string): string;
  network: Pick<NetworkDriver, 'netdev' | 'largestMtu'>;
  /** Absolute path of the code of UEFI, where this host has it. */
  uefiCode?: string;
}

/** Translated code that one TCG guest may keep, in MiB. QEMU's own limit is 1 GiB, too much for many guests on a host. */
const tcgCacheMb = 256;
const ahciPorts = 6;

/**
 * QEMU's name of the block node of a guest's disk: the format layer, which backups read and resizes change. Named after
 * the volume, so that disks can come and go. QEMU takes 31 characters, of which a backup's prefix needs seven.
 */
export function diskNode(volumeId: string): string {
  return `vol-${volumeId.slice(0, 20)}`;
}

/** QEMU's id of the device through which the guest has the disk. */
export function diskDeviceId(volumeId: string): string {
  return `device-${diskNode(volumeId)}`;
}

/** The block node of a disk, as `-blockdev` and `blockdev-add` take it. */
export function diskBlockNode(disk: GuestDisk, filename: string, inCeph?: RbdImage): object {
  return {
    driver: disk.shared || inCeph ? 'raw' : 'qcow2',
    'node-name': diskNode(disk.volumeId),
    'read-only': disk.bus === 'cdrom' || disk.readOnly === true,
    discard: 'unmap',
    file: { ...(inCeph ? rbdNode(inCeph) : { driver: 'file', filename }), discard: 'unmap' },
  };
}

/** QEMU's id of a drive, which `blockdev-insert-medium` and its kin take. */
export function cdromDeviceId(cdromId: string): string {
  return `cdrom-${cdromId.slice(0, 20)}`;
}

/** The block node of what is in a drive; named after the image too, so that one medium can follow another. */
export function mediumNode({ cdromId, imageId = '' }: GuestCdrom): string {
  return `medium-${cdromId.slice(0, 11)}-${imageId.slice(0, 11)}`;
}

/** A medium, as `-blockdev` and `blockdev-add` take it: nobody writes to it, and many may read it. */
export function mediumBlockNode(cdrom: GuestCdrom, filename: string): object {
  return { driver: 'raw', 'node-name': mediumNode(cdrom), 'read-only': true, file: { driver: 'file', filename } };
}

/** QEMU's id of a guest's interface. Named after the port, so that interfaces can come and go. */
export function nicDeviceId(portId: string): string {
  return `nic-${portId.slice(0, 20)}`;
}

/** QEMU's id of what the interface is plugged into. */
export function nicBackendId(portId: string): string {
  return `net-${portId.slice(0, 20)}`;
}

/** A guest's interface, as `-device` and `device_add` take it. virtio-net tells the guest the network's MTU. */
export function nicDevice(nic: GuestNic, { largestMtu }: Pick<NetworkDriver, 'largestMtu'>): object {
  const common = { id: nicDeviceId(nic.portId), netdev: nicBackendId(nic.portId), mac: nic.macAddress };
  if (nic.model === 'e1000') return { driver: 'e1000', romfile: '', ...common };
  return { driver: 'virtio-net-pci', host_mtu: Math.min(nic.mtu, largestMtu), romfile: '', ...common };
}

/** What every device of a disk says, whatever its bus. */
export function diskIdentity(disk: GuestDisk): object {
  return {
    id: diskDeviceId(disk.volumeId),
    drive: diskNode(disk.volumeId),
    serial: disk.volumeId.slice(0, 20),
    // Else QEMU locks the file against every other writer.
    ...(disk.shared ? { 'share-rw': true } : {}),
  };
}

/**
 * The arguments of QEMU for a guest. Pure: the same specification gives the same command line.
 *
 * The machine is `pc`, which boots fastest under TCG. Devices and disks are given as JSON, so that no comma or colon in
 * a path or a name can become an option, and every block device has its driver (`qcow2`) stated. A guest that powers
 * off ends its process; one that reboots is reset in place. Throws `unsupported` for what this machine can't have.
 */
export function qemuArguments(guest: GuestSpec, context: CommandLineContext): string[] {
  const firmware = guest.bootMode === 'uefi' ? uefi(context) : undefined;
  const kvm = context.accelerator === 'kvm';
  return [
    ['-name', `guest=${guest.instanceName.replaceAll(',', ',,')},debug-threads=on`],
    ['-uuid', withDashes(guest.serverId)],
    ['-pidfile', `${context.folder}/${guestFiles.pid}`],
    ['-nodefaults', '-no-user-config', '-display', 'none'],
    ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...(firmware?.nodes ?? []),
    ['-machine', `pc,usb=off,vmport=off,hpet=off,dump-guest-core=off${firmware?.machine ?? ''}`],
    ['-accel', kvm ? 'kvm' : `tcg,thread=multi,tb-size=${tcgCacheMb}`],
    ['-cpu', guestProcessor[context.accelerator]],
    ['-smp', `cpus=${guest.vcpus},sockets=${guest.vcpus},cores=1,threads=1`],
    ['-m', `size=${guest.memoryMb}M`],
    ['-smbios', smbios(guest)],
    ['-rtc', 'base=utc'],
    ['-boot', 'strict=on'],
    ['-action', 'reboot=reset,shutdown=poweroff'],
    ['-chardev', `socket,id=monitor,path=${guestFiles.monitor},server=on,wait=off`],
    ['-mon', 'chardev=monitor,mode=control'],
    [
      '-chardev',
      `socket,id=serial0,path=${guestFiles.serial},server=on,wait=off,logfile=${guestFiles.consoleLog},logappend=on`,
    ],
    ['-serial', 'chardev:serial0'],
    ...screen(guest),
    device({ driver: 'VGA', id: 'video0' }),
    ['-object', 'rng-random,id=rng0,filename=/dev/urandom'],
    device({ driver: 'virtio-rng-pci', rng: 'rng0' }),
    ...agentChannelArguments,
    // Before the disks: slots are given in this order, and a disk more must not rename the guest's interfaces.
    ...guest.nics.flatMap((nic) => nicArguments(nic, context)),
    ...disks(guest, context),
  ].flat();
}

/** The password comes from a file: command lines can be read by everybody. */
function screen({ screenPassword }: GuestSpec): string[][] {
  if (screenPassword === undefined) return [['-vnc', `unix:${guestFiles.vnc}`]];
  return [
    ['-object', `secret,id=screen0,file=${guestFiles.screenPassword}`],
    ['-vnc', `unix:${guestFiles.vnc},password-secret=screen0`],
  ];
}

/**
 * What the QEMU guest agent in a guest listens to. Its slot is fixed, so that it changes the names of no interfaces; one
 * that nobody opens costs nothing.
 */
const agentChannelArguments: string[][] = [
  ['-chardev', `socket,id=agent,path=${guestFiles.agent},server=on,wait=off`],
  device({ driver: 'virtio-serial-pci', id: 'agent-bus', addr: '1e.0', max_ports: 2 }),
  device({
    ...{ driver: 'virtserialport', bus: 'agent-bus.0', id: 'agent-port', chardev: 'agent' },
    name: 'org.qemu.guest_agent.0',
  }),
];

/** The code is every guest's, and so read only; what the guest's firmware remembers is its own. */
function uefi({ folder, uefiCode }: CommandLineContext): { nodes: string[][]; machine: string } {
  if (!uefiCode) throw new AgentError('unsupported', 'this host has no UEFI for guests: install the package ovmf');
  const node = (name: string, filename: string, readOnly: boolean) => {
    const file = { driver: 'file', filename };
    return ['-blockdev', JSON.stringify({ driver: 'raw', 'node-name': name, 'read-only': readOnly, file })];
  };
  return {
    nodes: [node('uefi-code', uefiCode, true), node('uefi-variables', `${folder}/${guestFiles.variables}`, false)],
    machine: ',pflash0=uefi-code,pflash1=uefi-variables',
  };
}

/** cloud-init recognises OpenStack by the product name (its `ds-identify`). */
function smbios(guest: GuestSpec): string {
  return `type=1,manufacturer=Unkai,product=OpenStack Nova,family=Virtual Machine,serial=${withDashes(guest.serverId)}`;
}

function disks(guest: GuestSpec, context: CommandLineContext): string[][] {
  const ide = [
    { bus: 'ide.0', unit: 0 },
    { bus: 'ide.0', unit: 1 },
    { bus: 'ide.1', unit: 0 },
    { bus: 'ide.1', unit: 1 },
  ];
  const configSlot = guest.hasConfigDrive ? ide.splice(2, 1)[0] : undefined;
  const nextIde = () => {
    const slot = ide.shift();
    if (!slot) throw new AgentError('unsupported', 'the IDE bus has room for four devices, config drive included');
    return slot;
  };
  const sata = guest.disks.filter((disk) => disk.bus === 'sata').length;
  const controllers = Array.from({ length: Math.ceil(sata / ahciPorts) }, (_, i) =>
    device({ driver: 'ahci', id: `ahci${i}` }),
  );
  let sataPort = 0;
  const nextSata = () => ({ bus: `ahci${Math.floor(sataPort / ahciPorts)}.${sataPort++ % ahciPorts}` });

  const cdroms = guest.cdroms ?? [];
  const order = bootIndexes(guest);
  const ofDisks = guest.disks.flatMap((disk, index) => [
    ['-blockdev', JSON.stringify(diskBlockNode(disk, context.diskPath(disk), context.inCeph?.get(disk.diskId)))],
    device({ ...diskDevice(disk, nextIde, nextSata), ...diskIdentity(disk), ...order.disk(index) }),
  ]);
  // Their slots come after those of disks: a guest's disks stay where they are.
  const drives = cdroms.flatMap((cdrom, index) => {
    const drive = { driver: 'ide-cd', ...nextIde(), id: cdromDeviceId(cdrom.cdromId), ...order.cdrom(index) };
    if (cdrom.imageId === undefined) return [device(drive)];
    const node = mediumBlockNode(cdrom, context.mediumPath!(cdrom.imageId));
    return [['-blockdev', JSON.stringify(node)], device({ ...drive, drive: mediumNode(cdrom) })];
  });
  const all = [...ofDisks, ...drives];
  if (!configSlot) return [...controllers, ...all];
  const file = { driver: 'file', filename: `${context.folder}/${guestFiles.configDrive}` };
  const node = { driver: 'raw', 'node-name': 'config-drive', 'read-only': true, file };
  // OVMF sets up no controller that leads to nothing in the boot order, and Linux then finds its ports switched off.
  const last = guest.bootMode === 'uefi' ? { bootindex: guest.disks.length + cdroms.length + 1 } : {};
  const ids = { id: 'device-config-drive', drive: 'config-drive', ...last };
  const configDrive = device({ driver: 'ide-cd', ...configSlot, ...ids });
  return [...controllers, ...all, ['-blockdev', JSON.stringify(node)], configDrive];
}

/** The place of each disk and drive in the boot order, from 1. */
function bootIndexes({ disks, cdroms = [], bootOrder = ['disk', 'cdrom'] }: GuestSpec) {
  const counts = { disk: disks.length, cdrom: cdroms.length };
  const first = disks.findIndex(({ bootsFirst }) => bootsFirst);
  const rankOf = (index: number) => (index === first ? 0 : index < first ? index + 1 : index);
  const placesOf = (kind: BootDevice) => {
    const at = bootOrder.indexOf(kind);
    if (at < 0) return () => ({});
    const before = bootOrder.slice(0, at).reduce((sum, other) => sum + counts[other], 0);
    return (index: number) => ({ bootindex: before + (kind === 'disk' ? rankOf(index) : index) + 1 });
  };
  return { disk: placesOf('disk'), cdrom: placesOf('cdrom') };
}

function diskDevice(disk: GuestDisk, nextIde: () => object, nextSata: () => object): object {
  switch (disk.bus) {
    case 'virtio':
      return { driver: 'virtio-blk-pci' };
    case 'sata':
      return { driver: 'ide-hd', ...nextSata() };
    case 'ide':
      return { driver: 'ide-hd', ...nextIde() };
    case 'cdrom':
      return { driver: 'ide-cd', ...nextIde() };
  }
}

function nicArguments(nic: GuestNic, { network }: CommandLineContext): string[][] {
  const { type, ...others } = network.netdev(nic);
  const options: Record<string, string | boolean> = { id: nicBackendId(nic.portId), ...others };
  const words = Object.entries(options).map(
    ([name, value]) => `${name}=${value === true ? 'on' : value === false ? 'off' : value}`,
  );
  return [['-netdev', [type, ...words].join(',')], device(nicDevice(nic, network))];
}

function device(properties: object): string[] {
  return ['-device', JSON.stringify(properties)];
}
