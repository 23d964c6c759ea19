/** One entry of an archive. Everything belongs to root. */
export type CpioEntry =
  | { kind: 'directory'; path: string; mode: number }
  | { kind: 'file'; path: string; mode: number; content: Uint8Array }
  | { kind: 'link'; path: string; target: string }
  | { kind: 'character-device'; path: string; mode: number; major: number; minor: number };

const fileTypes = { directory: 0o040000, file: 0o100000, link: 0o120000, 'character-device': 0o020000 } as const;

/**
 * Writes a cpio archive in the "newc" format, which the Linux kernel unpacks as its first root file system
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Paths are relative; a directory comes before what it
 * holds. The same entries always give the same bytes.
 */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const chunks: Buffer[] = [];
  entries.forEach((entry, index) => {
    chunks.push(...record(entry, index + 1));
  });
  chunks.push(...record({ kind: 'file', path: 'TRAILER!!!', mode: 0, content: Buffer.alloc(0) }, 0));
  return Buffer.concat(chunks);
}

function record(entry: CpioEntry, inode: number): Buffer[] {
  const content = contentOf(entry);
  const mode = inode === 0 ? 0 : fileTypes[entry.kind] | (entry.kind === 'link' ? 0o777 : entry.mode);
  const device = entry.kind === 'character-device' ? [entry.major, entry.minor] : [0, 0];
  const name = Buffer.from(`${entry.path}\0`);
  const links = entry.kind === 'directory' ? 2 : 1;
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, ...device, name.length, 0];
  const header = Buffer.from('070701' + fields.map((value) => value!.toString(16).padStart(8, '0')).join(''));
  return [padded(Buffer.concat([header, name])), padded(content)];
}

function contentOf(entry: CpioEntry): Buffer {
  if (entry.kind === 'file') return Buffer.from(entry.content);
  if (entry.kind === 'link') return Buffer.from(entry.target);
  return Buffer.alloc(0);
}

/** Header with name, and content, each end on a multiple of four. */
function padded(bytes: Buffer): Buffer {
  const rest = bytes.length % 4;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - rest)]);
}
