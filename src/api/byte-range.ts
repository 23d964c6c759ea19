/** The bytes [start, end). */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * Reads a `Range` header (RFC 9110, section 14). Undefined for none, and for units that nobody knows; a list of ranges
 * is not served.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  if (header === undefined || !header.startsWith('bytes=')) return undefined;
  const match = /^(\d{0,15})-(\d{0,15})$/.exec(header.slice('bytes='.length).trim());
  if (!match) return 'unsatisfiable';
  const [, first, last] = match as unknown as [string, string, string];
  if (first === '') return suffix(last, size);
  const start = Number(first);
  const end = last === '' ? size : Math.min(Number(last) + 1, size);
  return start < end ? { start, end } : 'unsatisfiable';
}

function suffix(length: string, size: number): ByteRange | 'unsatisfiable' {
  const bytes = Math.min(Number(length || '0'), size);
  return bytes > 0 ? { start: size - bytes, end: size } : 'unsatisfiable';
}
