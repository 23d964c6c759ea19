import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type ImageSource, SourceError, type SourceOptions } from './source.ts';

const readLength = 512 * 1024;

/** Where no image lies, but secrets and devices do; and hidden folders. */
const closedPlaces = /^\/(etc|proc|dev|sys|run|boot)\/|\/\.[^/]/;

/**
 * Opens an image that lies on this host: `file:///path`, or a path alone. For administrators. Throws `SourceError`.
 */
export async function openFileSource(address: string, { allowInternal }: SourceOptions): Promise<ImageSource> {
  if (!allowInternal) throw new SourceError('refused', 'Only administrators may add images from files of the host.');
  const named = address.startsWith('file:') ? pathOf(address) : address;
  const path = await realpath(named).catch((error) => {
    throw new SourceError('refused', `The file ${named} can not be read.`, error);
  });
  if (closedPlaces.test(path)) throw new SourceError('refused', `Images are not taken from ${named}.`);
  // Without O_NONBLOCK a named pipe would hang here until somebody writes to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error) => {
    throw new SourceError('refused', `The file ${path} can not be read.`, error);
  });
  const stat = await file.stat();
  if (!stat.isFile()) {
    await file.close();
    throw new SourceError('refused', `${path} is not a file.`);
  }
  const stream = file.createReadStream({ highWaterMark: readLength });
  return { stream, size: stat.size, close: () => void stream.destroy() };
}

function pathOf(address: string): string {
  try {
    return fileURLToPath(address);
  } catch (error) {
    throw new SourceError('refused', `${address} is no path of this host.`, error);
  }
}
