import { unsafe } from './parser.ts';

const allowedTypes = ['monolithicsparse', 'streamoptimized'];
const headerField = /^[a-z][\w.]*=/;
const extentLine = /^(rw|rdonly|noaccess)\s/;
const sparseExtent = /^(rw|rdonly|noaccess)\s+\d+\s+sparse\s+"[^"]*"$/;

/**
 * Checks the text descriptor inside a sparse VMDK. Every line must be understood. Beyond the lines, three words are
 * counted in the whole text, comments included, because QEMU finds them by plain search.
 */
export function checkDescriptor(bytes: Buffer): void {
  const terminator = bytes.indexOf(0);
  const ascii = terminator === -1 ? bytes : bytes.subarray(0, terminator);
  if (ascii.some((byte) => byte > 0x7e)) throw unsafe('The VMDK descriptor is not ASCII text.');
  const text = ascii.toString('latin1').toLowerCase();

  const types = [...text.matchAll(/createtype\s*=\s*("([^"\n]{0,64})")?/g)];
  if (types.length !== 1) throw unsafe('The VMDK descriptor does not name exactly one type.');
  const type = types[0]![2];
  if (type === undefined || !allowedTypes.includes(type)) throw unsafe('This type of VMDK is not accepted.');
  if (text.includes('parentfilenamehint')) throw unsafe('The VMDK names a parent image.');
  for (const parent of text.matchAll(/parentcid\s*=\s*(\w*)/g)) {
    if (parent[1] !== 'ffffffff') throw unsafe('The VMDK depends on a parent image.');
  }

  const extents = text.split('\n').flatMap((line) => checkLine(line.trim()));
  if (extents.length !== 1) throw unsafe(`The VMDK descriptor lists ${extents.length} extents, and must list one.`);
}

/** The line itself when it is an extent; refuses what is neither that nor harmless. */
function checkLine(line: string): string[] {
  if (line === '' || line.startsWith('#') || line.startsWith('ddb')) return [];
  if (extentLine.test(line)) {
    if (/[/\\]/.test(line)) throw unsafe('A VMDK extent names a path.');
    if (!sparseExtent.test(line)) throw unsafe('A VMDK extent is not of the sparse type.');
    return [line];
  }
  if (!headerField.test(line)) throw unsafe('The VMDK descriptor holds a line that is not understood.');
  return [];
}

/** Whether QEMU, or a reader by VMware's specification, would take the text for a descriptor file. */
export function looksLikeDescriptor(text: string): boolean {
  if (/^#\s*disk\s+descriptorfile/i.test(text)) return true;
  const firstLine = text.split('\n').find((line) => line.trim() !== '' && !line.startsWith('#'));
  return /^version\s*=\s*\d/i.test(firstLine?.trim() ?? '') || /^\s*createtype\s*=\s*"/im.test(text);
}
