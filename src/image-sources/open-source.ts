import { openFileSource } from './file.ts';
import { openHttpSource } from './http.ts';
import { type ImageSource, SourceError, type SourceOptions } from './source.ts';
import { checkImageUrl } from './url.ts';

/** Checks what can be known of an address without going there. Throws `SourceError` (`refused`). */
export function checkSource(address: string, options: { allowInternal: boolean; allowFiles: boolean }): void {
  if (!isFile(address)) checkImageUrl(address, options);
  else if (!options.allowFiles) {
    throw new SourceError('refused', 'Only administrators may add images from files of the host.');
  }
}

/** Begins to read an image from `http://`, `https://`, `file:///` or a path. Throws `SourceError`. */
export async function openSource(address: string, options: SourceOptions): Promise<ImageSource> {
  return isFile(address) ? await openFileSource(address, options) : await openHttpSource(address, options);
}

function isFile(address: string): boolean {
  return address.startsWith('file:') || address.startsWith('/');
}
