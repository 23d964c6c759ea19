import { readdir, readFile, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncPath, writeFileAtomically } from '../atomic-file.ts';
import { AgentError, type DesiredStorage } from '../contract.ts';
import { isNotFound } from '../errors.ts';

/** The file that says which storage a shared folder is. */
const markerName = '.unkai-storage';
/** What a new file system brings along. */
const broughtAlong = new Set([markerName, 'lost+found']);

/** In a host's part of a shared folder: the images that its disks there are layers over. */
export const imageFolderName = 'images';

/** Throws where the folder is not the one that the other hosts have; marks it first where this host is to. */
export async function proveSame(place: DesiredStorage): Promise<void> {
  const { path, shared } = place;
  if (!shared) return;
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      if (isNotFound(error)) return false;
      throw error;
    },
  );
  if (!isFolder) throw notSame(`there is no folder ${path} on this host: is what the hosts share mounted there?`);
  const found = await readMarker(path);
  if (found === shared.marker) return;
  if (!shared.mayMark)
    throw notSame(`${path} is not the folder that the other hosts have: is what they share mounted?`);
  if (found !== undefined && (await hasOthers(path))) throw notSame(`${path} belongs to another storage`);
  await writeFileAtomically(join(path, markerName), `${shared.marker}\n`);
}

/** Whether the part of a host, which is there, is one of a shared folder. */
export async function isPartOfShared(part: string): Promise<boolean> {
  return (await readMarker(dirname(part))) !== undefined;
}

/** Takes the marker away with the last part, so that the folder is as it was. */
export async function unmark(path: string): Promise<void> {
  if ((await readMarker(path)) === undefined || (await hasOthers(path))) return;
  await unlink(join(path, markerName));
  await syncPath(path);
}

async function hasOthers(path: string): Promise<boolean> {
  return (await readdir(path)).some((name) => !broughtAlong.has(name));
}

async function readMarker(path: string): Promise<string | undefined> {
  try {
    return (await readFile(join(path, markerName), 'utf8')).trim();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function notSame(message: string): AgentError {
  return new AgentError('hypervisor_failed', message);
}
