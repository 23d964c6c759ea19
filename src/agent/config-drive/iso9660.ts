import { type Folder, folderTree, type IsoFile, type Naming } from './iso9660-tree.ts';
import { alternateName, attributes, both32, rockRidgeReference, useOfProtocol } from './rock-ridge.ts';

/** The unit in which an ISO 9660 file system is addressed, bytes. */
const sectorSize = 2048;
/** Readers that look for other file systems, or ahead, must not meet the end of the disc: what burners leave, too. */
const padding = Buffer.alloc(150 * sectorSize);
const systemArea = Buffer.alloc(16 * sectorSize);
/** What every volume descriptor has after its type. */
const standard = Buffer.from('CD001\x01', 'latin1');

type ByteOrder = 'LE' | 'BE';

interface Tree {
  naming: Naming;
  /** In the order of the path table: the root first. */
  folders: Folder[];
}

/**
 * An ISO 9660 file system (ECMA-119) of these files by their paths, with their names by Rock Ridge and Joliet too.
 * Names are ASCII of at most 64 characters; `label` is the volume's name, of at most 16.
 */
export function iso9660(
  contents: ReadonlyArray<readonly [path: string, bytes: Buffer]>,
  label: string,
  at: Date,
): Buffer {
  const files = contents.map(([path, bytes]): IsoFile => ({ path, bytes, sector: 0 }));
  const trees = (['primary', 'joliet'] as const).map(
    (naming): Tree => ({ naming, folders: folderTree(files, naming) }),
  );
  const orders: ByteOrder[] = ['LE', 'BE'];

  let next = 16 + trees.length + 1;
  const take = (bytes: number) => {
    const sector = next;
    next += Math.ceil(bytes / sectorSize);
    return sector;
  };
  const tables = trees.map(({ folders }) => orders.map((order) => take(pathTable(folders, order).length)));
  const reference = take(rockRidgeReference.length);
  const list = (folder: Folder, { naming }: Tree) => folderContent(folder, naming, at, reference);
  for (const tree of trees) {
    for (const folder of tree.folders) {
      folder.size = list(folder, tree).length;
      folder.sector = take(folder.size);
    }
  }
  for (const file of files) file.sector = take(file.bytes.length);
  take(padding.length);

  const descriptors = trees.map((tree, index) =>
    volumeDescriptor({ ...tree, label, at, sectors: next, tables: tables[index]! }),
  );
  const pieces = [
    systemArea,
    ...descriptors,
    Buffer.concat([Buffer.from([255]), standard]),
    ...trees.flatMap(({ folders }) => orders.map((order) => pathTable(folders, order))),
    rockRidgeReference,
    ...trees.flatMap((tree) => tree.folders.map((folder) => list(folder, tree))),
    ...files.map(({ bytes }) => bytes),
    padding,
  ];
  return Buffer.concat(pieces.flatMap((piece) => [piece, Buffer.alloc(-piece.length & (sectorSize - 1))]));
}

/** ECMA-119, 8.4 and 8.5; Joliet's is told from others by its escape sequence, UCS-2 of level 3. */
function volumeDescriptor(volume: Tree & { label: string; at: Date; sectors: number; tables: number[] }): Buffer {
  const { naming, folders, label, at, sectors, tables } = volume;
  const text = (value: string, length: number) =>
    naming === 'joliet' ? ucs2(value.padEnd(length / 2)) : Buffer.from(value.padEnd(length), 'latin1');
  const bytes = Buffer.alloc(sectorSize);
  const put = (offset: number, ...parts: Buffer[]) => Buffer.concat(parts).copy(bytes, offset);
  put(0, Buffer.from([naming === 'joliet' ? 2 : 1]), standard);
  put(8, text('', 32), text(label, 32));
  put(80, both32(sectors));
  if (naming === 'joliet') put(88, Buffer.from('%/E'));
  put(120, both16(1), both16(1), both16(sectorSize), both32(pathTable(folders, 'LE').length));
  bytes.writeUInt32LE(tables[0]!, 140);
  bytes.writeUInt32BE(tables[1]!, 148);
  put(156, directoryRecord(Buffer.from([0]), folders[0]!, at));
  put(190, ...[128, 128, 128, 128, 37, 37, 37].map((length) => blank(length)));
  const digits = at
    .toISOString()
    .replaceAll(/[^0-9]/g, '')
    .slice(0, 16);
  const never = '0'.repeat(16);
  put(813, ...[digits, digits, never, digits].map((time) => Buffer.from(`${time}\0`, 'latin1')));
  bytes[881] = 1;
  return bytes;

  function blank(length: number): Buffer {
    return text('', length - (length % 2)).subarray(0, length);
  }
}

/** ECMA-119, 9.4: the folders by their parents. */
function pathTable(folders: readonly Folder[], order: ByteOrder): Buffer {
  return Buffer.concat(
    folders.map(({ id, sector, parent }) => {
      const bytes = Buffer.alloc(8 + id.length + (id.length % 2));
      bytes[0] = id.length;
      bytes[`writeUInt32${order}`](sector, 2);
      bytes[`writeUInt16${order}`](parent.number, 6);
      id.copy(bytes, 8);
      return bytes;
    }),
  );
}

/** The records of a folder: of itself, of the one above, and of what is in it. None goes over the edge of a sector. */
function folderContent(folder: Folder, naming: Naming, at: Date, reference: number): Buffer {
  const isPrimary = naming === 'primary';
  const links = ({ entries }: Folder) => 2 + entries.filter(({ target }) => 'entries' in target).length;
  const posix = (target: Folder | IsoFile) => attributes('entries' in target, 'entries' in target ? links(target) : 1);
  const isRoot = folder.parent === folder;
  const records = [
    directoryRecord(
      Buffer.from([0]),
      folder,
      at,
      isPrimary ? [...(isRoot ? useOfProtocol(reference) : []), posix(folder)] : [],
    ),
    directoryRecord(Buffer.from([1]), folder.parent, at, isPrimary ? [posix(folder.parent)] : []),
    ...folder.entries.map(({ id, name, target }) =>
      directoryRecord(id, target, at, isPrimary ? [posix(target), alternateName(name)] : []),
    ),
  ];
  const pieces: Buffer[] = [];
  let length = 0;
  const add = (piece: Buffer) => {
    pieces.push(piece);
    length += piece.length;
  };
  for (const record of records) {
    const room = sectorSize - (length % sectorSize);
    if (record.length > room) add(Buffer.alloc(room));
    add(record);
  }
  add(Buffer.alloc(-length & (sectorSize - 1)));
  return Buffer.concat(pieces);
}

/** ECMA-119, 9.1. */
function directoryRecord(id: Buffer, target: Folder | IsoFile, at: Date, systemUse: readonly Buffer[] = []): Buffer {
  const isFolder = 'entries' in target;
  const time = [at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds(), 0];
  const fixed = Buffer.concat([
    both32(target.sector),
    both32(isFolder ? target.size : target.bytes.length),
    Buffer.from([at.getUTCFullYear() - 1900, ...time, isFolder ? 2 : 0, 0, 0]),
    both16(1),
    Buffer.from([id.length]),
    id,
    Buffer.alloc((id.length + 1) % 2),
    ...systemUse,
  ]);
  const even = fixed.length + 2 + (fixed.length % 2);
  return Buffer.concat([Buffer.from([even, 0]), fixed], even);
}

function both16(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(value, 0);
  bytes.writeUInt16BE(value, 2);
  return bytes;
}

function ucs2(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}
