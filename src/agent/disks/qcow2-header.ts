import { open } from 'node:fs/promises';
import { AgentError } from '../contract.ts';

/** What the header of a qcow2 file says (QEMU, docs/interop/qcow2.txt). Reading it opens no other file. */
export interface Qcow2Header {
  version: number;
  virtualSize: number;
  hasBackingFile: boolean;
  /** Where the name of the backing file stands in the file, and how long it is; 0 for none. */
  backingName: { offset: number; length: number };
  hasDataFile: boolean;
}

const headerBytes = 112;
const dataFileBit = 1n << 2n;
/** Dirty, corrupt, external data file and compression type: the bits that QEMU 5.1 and later know beside bit 4. */
const knownIncompatibleBits = 0b11111n;

/** Reads the header of a qcow2 file. Throws `bad_image` when it is none, or one that this code doesn't understand. */
export async function readQcow2Header(path: string): Promise<Qcow2Header> {
  const handle = await open(path, 'r');
  const header = Buffer.alloc(headerBytes);
  try {
    const { bytesRead } = await handle.read(header, 0, headerBytes, 0);
    if (bytesRead < 72 || header.readUInt32BE(0) !== 0x514649fb)
      throw new AgentError('bad_image', `${path} is not qcow2`);
  } finally {
    await handle.close();
  }
  const version = header.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw new AgentError('bad_image', `${path}: qcow2 version ${version} is unknown`);
  const incompatible = version === 3 ? header.readBigUInt64BE(72) : 0n;
  if ((incompatible & ~knownIncompatibleBits) !== 0n) {
    throw new AgentError('bad_image', `${path}: unknown incompatible features 0x${incompatible.toString(16)}`);
  }
  return {
    version,
    virtualSize: Number(header.readBigUInt64BE(24)),
    backingName: { offset: Number(header.readBigUInt64BE(8)), length: header.readUInt32BE(16) },
    hasBackingFile: header.readBigUInt64BE(8) !== 0n,
    hasDataFile: (incompatible & dataFileBit) !== 0n,
  };
}

/** The path of the backing file of a disk that this program has made; undefined for none. */
export async function readBackingPath(path: string): Promise<string | undefined> {
  const { backingName } = await readQcow2Header(path);
  if (backingName.offset === 0) return undefined;
  const handle = await open(path, 'r');
  try {
    const { length, offset } = backingName;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Refuses (`bad_image`) a qcow2 file that refers to any other file. Returns its virtual size. */
export async function assertSelfContainedQcow2(path: string): Promise<number> {
  const header = await readQcow2Header(path);
  if (header.hasBackingFile) throw new AgentError('bad_image', `${path} refers to a backing file`);
  if (header.hasDataFile) throw new AgentError('bad_image', `${path} refers to an external data file`);
  return header.virtualSize;
}

/**
 * Refuses (`bad_image`) a file that came from another machine and would have another file of this one opened. What is no
 * qcow2 refers to none.
 *
 * @param options.isLayer whether it may say what it is a layer over, as it becomes one over something else before it is opened
 */
export async function assertNamesNoOther(path: string, { isLayer }: { isLayer: boolean }): Promise<void> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    if (bytesRead < 4 || buffer.readUInt32BE(0) !== 0x514649fb) return;
  } finally {
    await handle.close();
  }
  const { hasBackingFile, hasDataFile } = await readQcow2Header(path);
  if (hasDataFile || (hasBackingFile && !isLayer))
    throw new AgentError('bad_image', 'a disk came from another machine that refers to other files');
}

const clusterSize = 65536;

/** The bytes of a qcow2 file (version 3, 64 KiB clusters) of the given size that holds only zeros. */
export function emptyQcow2(virtualSize: number): Buffer {
  const l1Entries = Math.max(1, Math.ceil(virtualSize / (clusterSize * (clusterSize / 8))));
  const l1Bytes = l1Entries * 8;
  const clusters = 3 + Math.ceil(l1Bytes / clusterSize);
  const file = Buffer.alloc(3 * clusterSize + l1Bytes);
  file.writeUInt32BE(0x514649fb, 0);
  file.writeUInt32BE(3, 4);
  file.writeUInt32BE(16, 20); // cluster_bits
  file.writeBigUInt64BE(BigInt(Math.ceil(virtualSize / 512) * 512), 24);
  file.writeUInt32BE(l1Entries, 36);
  file.writeBigUInt64BE(BigInt(3 * clusterSize), 40); // L1 table
  file.writeBigUInt64BE(BigInt(clusterSize), 48); // refcount table
  file.writeUInt32BE(1, 56); // clusters of the refcount table
  file.writeUInt32BE(4, 96); // refcount_order: 16 bits
  file.writeUInt32BE(104, 100); // header length; eight zero bytes after it end the extensions
  file.writeBigUInt64BE(BigInt(2 * clusterSize), clusterSize); // the only refcount block
  for (let cluster = 0; cluster < clusters; cluster++) file.writeUInt16BE(1, 2 * clusterSize + 2 * cluster);
  return file;
}
