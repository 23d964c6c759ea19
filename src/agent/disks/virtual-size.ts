import { open } from 'node:fs/promises';
import { AgentError, type DiskFormat } from '../contract.ts';
import { assertSelfContainedQcow2 } from './qcow2-header.ts';

const sectorSize = 512;

/**
 * The size that a guest sees of an image, from the header of its stated format (QEMU's docs/interop, VMware's "Virtual
 * Disk Format", Microsoft's VHD specification). A VHDX keeps it in a table that is not read here: the file's own size
 * is the answer then, as it is for raw and ISO images. Throws `bad_image` when the header isn't of that format.
 */
export async function readVirtualSize(path: string, format: DiskFormat, fileSize: number): Promise<number> {
  switch (format) {
    case 'qcow2':
      return assertSelfContainedQcow2(path);
    case 'vmdk': {
      const header = await readHeader(path, fileSize);
      if (header.toString('latin1', 0, 4) !== 'KDMV') throw new AgentError('bad_image', `${path} is not a sparse VMDK`);
      return Number(header.readBigUInt64LE(12)) * sectorSize;
    }
    case 'vdi': {
      const header = await readHeader(path, fileSize);
      if (header.readUInt32LE(0x40) !== 0xbeda107f) throw new AgentError('bad_image', `${path} is not VDI`);
      return Number(header.readBigUInt64LE(0x170));
    }
    case 'vhd': {
      // A fixed disk has only the footer, a dynamic one also a copy of it at the start.
      const header = await readHeader(path, fileSize, Math.max(0, fileSize - sectorSize));
      if (header.toString('latin1', 0, 8) !== 'conectix') throw new AgentError('bad_image', `${path} is not VHD`);
      return Number(header.readBigUInt64BE(0x30));
    }
    case 'vhdx':
    case 'raw':
    case 'iso':
      return fileSize;
  }
}

async function readHeader(path: string, fileSize: number, position = 0): Promise<Buffer> {
  if (fileSize < sectorSize) throw new AgentError('bad_image', `${path} is too short`);
  const handle = await open(path, 'r');
  try {
    const header = Buffer.alloc(sectorSize);
    await handle.read(header, 0, sectorSize, position);
    return header;
  } finally {
    await handle.close();
  }
}
