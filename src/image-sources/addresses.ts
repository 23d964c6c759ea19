import { BlockList, isIP, isIPv4 } from 'node:net';

/** Networks that an image must not be fetched from: this host, its neighbours, and what is no host at all. */
const innerNetworks = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '::1/128',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

const inner = new BlockList();
for (const network of innerNetworks) {
  const [address, length] = network.split('/') as [string, string];
  inner.addSubnet(address, Number(length), isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** Whether the IP address belongs to an inner network, also where an IPv6 address carries an IPv4 one in it. */
export function isInternalAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 0) return true;
  if (version === 4) return inner.check(address, 'ipv4');
  const carried = carriedIpv4(address);
  return inner.check(address, 'ipv6') || (carried !== undefined && inner.check(carried, 'ipv4'));
}

/** The IPv4 address in mapped and compatible (::/96), NAT64 (64:ff9b::/96) and 6to4 (2002::/16) addresses. */
function carriedIpv4(address: string): string | undefined {
  const groups = groupsOf(address);
  const text = (high: number, low: number) => [high >> 8, high & 255, low >> 8, low & 255].join('.');
  if (groups[0] === 0x2002) return text(groups[1]!, groups[2]!);
  const isNat64 = groups[0] === 0x64 && groups[1] === 0xff9b && groups.slice(2, 6).every((group) => group === 0);
  const isEmbedded = groups.slice(0, 5).every((group) => group === 0) && (groups[5] === 0xffff || groups[5] === 0);
  return isNat64 || isEmbedded ? text(groups[6]!, groups[7]!) : undefined;
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const [text] = address.split('%') as [string];
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const plain = dotted
    ? `${dotted[1]}${((+dotted[2]! << 8) | +dotted[3]!).toString(16)}:${((+dotted[4]! << 8) | +dotted[5]!).toString(16)}`
    : text;
  const [head = '', tail] = plain.split('::') as [string, string?];
  const parse = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const before = parse(head);
  if (tail === undefined) return before;
  const after = parse(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}
