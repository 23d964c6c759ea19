/** System use entries of Rock Ridge (IEEE P1282 over IEEE P1281): names and modes as POSIX has them. */

const regularFile = 0o100444;
const directory = 0o040555;

/** Which extension the entries are of, for a sector of its own. */
export const rockRidgeReference = extensionReference('RRIP_1991A', 'POSIX file names and modes', 'See IEEE P1282');

/** What only the first record of the root has: that the protocol is used, and where its reference is. */
export function useOfProtocol(referenceSector: number): Buffer[] {
  const place = Buffer.concat([both32(referenceSector), both32(0), both32(rockRidgeReference.length)]);
  return [entry('SP', Buffer.from([0xbe, 0xef, 0])), entry('CE', place)];
}

/** Mode, links and owner of a file or folder. Everybody may read it: it is the guest that decides who gets to it. */
export function attributes(isFolder: boolean, links: number): Buffer {
  return entry('PX', Buffer.concat([both32(isFolder ? directory : regularFile), both32(links), both32(0), both32(0)]));
}

/** The name as it was given. */
export function alternateName(name: string): Buffer {
  return entry('NM', Buffer.concat([Buffer.from([0]), Buffer.from(name, 'latin1')]));
}

function extensionReference(id: string, description: string, source: string): Buffer {
  const lengths = Buffer.from([id.length, description.length, source.length, 1]);
  return entry('ER', Buffer.concat([lengths, Buffer.from(id + description + source, 'latin1')]));
}

function entry(signature: string, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from(signature, 'latin1'), Buffer.from([data.length + 4, 1]), data]);
}

/** A number in both byte orders, the lesser first (ECMA-119, 7.3.3). */
export function both32(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value, 0);
  bytes.writeUInt32BE(value, 4);
  return bytes;
}
