import { ImageRefused } from './image-refused.ts';
import {
  end,
  isPowerOfTwo,
  type ParserContext,
  type Parsing,
  region,
  requireInside,
  requireLength,
  requireVirtualSize,
  u64le,
  unsafe,
} from './parser.ts';

const kib = 1024;
/** The file has its header twice: the one with the greater number counts. */
const headerOffsets = [64 * kib, 128 * kib];
const headerLength = 80;
const regionTableOffset = 192 * kib;
const tableLength = 64 * kib;
const maxEntries = 2047;
/** Metadata items lie this near to each other, or are refused. */
const maxItemSpan = 512 * kib;

const blockTableRegion = '2dc27766-f623-4200-9d64-115e9bfd4a08';
const metadataRegion = '8b7ca206-4790-4b9a-b8fe-575f050f886e';
const fileParameters = 'caa16737-fa36-4d43-b3b6-33f0aa44e76b';
const virtualDiskSize = '2fa54224-cd1b-4876-b211-5dbed83bf4b8';
const parentLocator = 'a8d35f2d-b30b-454d-abf7-d3d84834ab0c';
const knownRegions: ReadonlySet<string> = new Set([blockTableRegion, metadataRegion]);
const knownItems: ReadonlySet<string> = new Set([
  fileParameters,
  virtualDiskSize,
  parentLocator,
  'beca12ab-b2e6-4523-93ef-c309e000c746', // virtual disk id
  '8141bf1d-a96f-4709-ba47-f233a8faab5f', // logical sector size
  'cda348c7-445d-4471-9cc9-e9885251c556', // physical sector size
]);
const hasParent = 0b10;

interface Entry {
  offset: number;
  length: number;
  isRequired: boolean;
}

/**
 * VHDX ([MS-VHDX]). Refused: differencing disks, unknown regions or metadata that are marked as required, and files whose
 * log would have to be replayed: a reader that does not write sees a disk that never was.
 */
export function* vhdx(context: ParserContext): Parsing<{ virtualSize: number } | undefined> {
  const identifier = yield* region(0, 8);
  if (identifier.toString('latin1') !== 'vhdxfile') return undefined;
  const headers: Buffer[] = [];
  for (const offset of headerOffsets) headers.push(yield* region(offset, offset + headerLength));
  checkLog(headers);
  const regions = readRegions(yield* region(regionTableOffset, regionTableOffset + tableLength));
  const blockTable = regions.get(blockTableRegion);
  const metadata = regions.get(metadataRegion);
  if (!blockTable || !metadata) throw unsafe('The VHDX lacks its block table or its metadata.');

  const items = readItems(yield* region(metadata.offset, metadata.offset + tableLength));
  const parameters = items.get(fileParameters);
  const diskSize = items.get(virtualDiskSize);
  if (!parameters || !diskSize) throw unsafe('The VHDX metadata lacks the file parameters or the disk size.');
  if (items.has(parentLocator)) throw unsafe('The VHDX names a parent image.');

  const from = Math.min(parameters.offset, diskSize.offset);
  const to = Math.max(parameters.offset, diskSize.offset) + 8;
  if (to - from > maxItemSpan) throw unsafe('The VHDX metadata is spread too wide.');
  const values = yield* region(metadata.offset + from, metadata.offset + to);
  requireLength(values, to - from, 'VHDX metadata');
  const blockSize = values.readUInt32LE(parameters.offset - from);
  if (values.readUInt32LE(parameters.offset - from + 4) & hasParent) throw unsafe('The VHDX has a parent image.');
  if (!isPowerOfTwo(blockSize) || blockSize < kib * kib || blockSize > 256 * kib * kib) {
    throw unsafe('The VHDX block size is not valid.');
  }
  const virtualSize = u64le(values, diskSize.offset - from);
  requireVirtualSize(virtualSize, context);

  const { size } = yield* end(0);
  requireInside(metadata.offset, metadata.length, size, 'VHDX metadata region');
  requireInside(blockTable.offset, blockTable.length, size, 'VHDX block table');
  return { virtualSize };
}

/** The id of the log is zero as long as nothing waits in it. */
function checkLog(headers: readonly Buffer[]): void {
  for (const header of headers) requireLength(header, headerLength, 'VHDX header');
  const [current] = headers
    .filter((header) => header.toString('latin1', 0, 4) === 'head')
    .toSorted((one, other) => u64le(other, 8) - u64le(one, 8));
  if (!current) throw unsafe('The VHDX has no header.');
  if (current.subarray(48, 64).some((byte) => byte !== 0)) {
    throw unsafe('The VHDX was not closed: changes wait in its log. Open and close it once where it was made.');
  }
}

function readRegions(table: Buffer): Map<string, Entry> {
  requireLength(table, tableLength, 'VHDX region table');
  if (table.toString('latin1', 0, 4) !== 'regi') throw unsafe('The VHDX has no region table.');
  const count = table.readUInt32LE(8);
  if (count > maxEntries) throw unsafe('The VHDX region table is too long.');
  const regions = new Map<string, Entry>();
  for (let i = 0; i < count; i++) {
    const at = 16 + i * 32;
    const entry = {
      offset: u64le(table, at + 16),
      length: table.readUInt32LE(at + 24),
      isRequired: (table.readUInt32LE(at + 28) & 1) !== 0,
    };
    // Regions lie behind the first megabyte, which the headers have for themselves.
    if (entry.offset < kib * kib) throw unsafe('A VHDX region lies among the headers.');
    addEntry(regions, readGuid(table, at), entry, knownRegions);
  }
  return regions;
}

function readItems(table: Buffer): Map<string, Entry> {
  requireLength(table, tableLength, 'VHDX metadata table');
  if (table.toString('latin1', 0, 8) !== 'metadata') throw unsafe('The VHDX has no metadata table.');
  const count = table.readUInt16LE(10);
  if (count > maxEntries) throw unsafe('The VHDX metadata table is too long.');
  const items = new Map<string, Entry>();
  for (let i = 0; i < count; i++) {
    const at = 32 + i * 32;
    const entry = {
      offset: table.readUInt32LE(at + 16),
      length: table.readUInt32LE(at + 20),
      isRequired: (table.readUInt32LE(at + 24) & 0b100) !== 0,
    };
    const guid = readGuid(table, at);
    addEntry(items, guid, entry, knownItems);
    const isRead = guid === fileParameters || guid === virtualDiskSize;
    if (isRead && (entry.offset < tableLength || entry.length !== 8))
      throw unsafe('A VHDX metadata item is misplaced.');
  }
  return items;
}

function addEntry(entries: Map<string, Entry>, guid: string, entry: Entry, known: ReadonlySet<string>): void {
  if (entries.has(guid)) throw unsafe('The VHDX lists one of its parts twice.');
  if (entry.isRequired && !known.has(guid)) {
    throw new ImageRefused('unsafe', 'The VHDX requires a feature that is not accepted.');
  }
  entries.set(guid, entry);
}

/** A GUID as Windows stores it: its first three groups are little-endian. */
function readGuid(bytes: Buffer, at: number): string {
  const hex = (from: number, to: number) => bytes.toString('hex', at + from, at + to);
  const reversed = (from: number, to: number) =>
    Buffer.from(bytes.subarray(at + from, at + to))
      .reverse()
      .toString('hex');
  return `${reversed(0, 4)}-${reversed(4, 6)}-${reversed(6, 8)}-${hex(8, 10)}-${hex(10, 16)}`;
}
