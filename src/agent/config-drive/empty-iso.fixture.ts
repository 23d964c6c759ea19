/** What tells an ISO 9660 image: the identifier of its first volume descriptor, in sector 16. */
export function emptyIso(): Buffer {
  const iso = Buffer.alloc(18 * 2048);
  iso.write('\x01CD001\x01', 16 * 2048, 'latin1');
  iso.write('\xffCD001\x01', 17 * 2048, 'latin1');
  return iso;
}
