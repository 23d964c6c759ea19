/** Which names a tree has: those that every system reads, or longer ones in UCS-2, which Windows and macOS prefer. */
export type Naming = 'primary' | 'joliet';

export interface IsoFile {
  path: string;
  bytes: Buffer;
  sector: number;
}

export interface Folder {
  id: Buffer;
  /** Of the root, itself. */
  parent: Folder;
  /** In the order of their identifiers. */
  entries: Array<{ name: string; id: Buffer; target: IsoFile | Folder }>;
  /** Its place in the path table, from 1. */
  number: number;
  sector: number;
  size: number;
}

/** The folders that files with these paths need, in the order of a path table: by depth, parent and identifier. */
export function folderTree(files: readonly IsoFile[], naming: Naming): Folder[] {
  const root = newFolder(Buffer.from([0]));
  for (const file of files) {
    const segments = file.path.split('/');
    const name = segments.pop()!;
    const folder = segments.reduce((above, segment) => enter(above, segment), root);
    folder.entries.push({ name, id: Buffer.alloc(0), target: file });
  }
  const folders = [root];
  for (const folder of folders) {
    folder.number = folders.indexOf(folder) + 1;
    const taken = new Set<string>();
    for (const entry of folder.entries) {
      const isFolder = 'entries' in entry.target;
      entry.id =
        naming === 'joliet' ? Buffer.from(entry.name, 'utf16le').swap16() : primaryId(entry.name, isFolder, taken);
      if ('entries' in entry.target) entry.target.id = entry.id;
    }
    folder.entries.sort((one, other) => Buffer.compare(one.id, other.id));
    for (const { target } of folder.entries) if ('entries' in target) folders.push(target);
  }
  return folders;
}

function newFolder(id: Buffer, parent?: Folder): Folder {
  const folder = { id, entries: [], number: 0, sector: 0, size: 0 } as Omit<Folder, 'parent'> as Folder;
  folder.parent = parent ?? folder;
  return folder;
}

function enter(above: Folder, name: string): Folder {
  for (const entry of above.entries) if (entry.name === name && 'entries' in entry.target) return entry.target;
  const folder = newFolder(Buffer.alloc(0), above);
  above.entries.push({ name, id: folder.id, target: folder });
  return folder;
}

/** Capital letters, digits and underscores, with one dot for a file (ECMA-119, 7.5 and 7.6, level 2), told apart by a number. */
function primaryId(name: string, isFolder: boolean, taken: Set<string>): Buffer {
  const dot = isFolder ? -1 : name.lastIndexOf('.');
  const plain = (text: string, length: number) =>
    text
      .toUpperCase()
      .replaceAll(/[^A-Z0-9_]/g, '_')
      .slice(0, length);
  const stem = plain(dot < 0 ? name : name.slice(0, dot), 18);
  const extension = dot < 0 ? '' : plain(name.slice(dot + 1), 8);
  const end = isFolder ? '' : `.${extension};1`;
  let id = stem + end;
  for (let count = 2; taken.has(id); count += 1) id = `${stem}_${count}${end}`;
  taken.add(id);
  return Buffer.from(id, 'latin1');
}
