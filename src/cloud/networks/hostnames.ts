/** What names of ports on a network end with. */
export const networkDomain = 'unkai.internal';

/** The name of a port that nobody has named. */
export function defaultHostname(address: string): string {
  return `host-${address.replaceAll(/[.:]+/g, '-')}`;
}
